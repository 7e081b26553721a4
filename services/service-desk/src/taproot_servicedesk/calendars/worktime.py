"""Business time: adding and measuring opening hours between instants. Pure; all instants are UTC.

Boundaries of a day are local times turned into instants, so a day of 23 or 25 hours counts what passed in
reality. A local time that a clock change skips stands for the moment of the change; one that comes twice
stands for the first. That keeps spans in order and never counts a moment twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

import holidays

DAY_MINUTES = 24 * 60
MOST_DAYS = 366 * 30
ZERO = timedelta()


class NeverOpenError(ValueError):
    """The calendar has no opening hours within 30 years."""


class WorkTime(Protocol):
    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The earliest instant with `amount` of business time between `start` and it."""

    def measure(self, start: datetime, end: datetime) -> timedelta:
        """Business time between two instants; zero when `end` is not after `start`."""


class AroundTheClock:
    """Every hour of every day."""

    def add(self, start: datetime, amount: timedelta) -> datetime:
        return start + max(amount, ZERO)

    def measure(self, start: datetime, end: datetime) -> timedelta:
        return max(end - start, ZERO)


@dataclass(frozen=True, order=True)
class Hours:
    """Opening hours of a day in minutes after local midnight; `end` is at most 1440."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= DAY_MINUTES:
            raise ValueError("opening hours must end after they begin, within one day")


def check_disjoint(hours: Sequence[Hours]) -> None:
    """Raises ValueError when two spans of a day overlap."""
    ordered = sorted(hours)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise ValueError("opening hours of a day overlap")


@dataclass(frozen=True)
class PublicHolidays:
    """Days off of a country from the `holidays` library, and weekend days it works on instead."""

    country: str
    subdivision: str = ""

    def closed(self, day: date) -> bool:
        return day in _holidays(self.country, self.subdivision)

    def works_weekend(self, day: date) -> bool:
        known = _holidays(self.country, self.subdivision)
        return day.weekday() >= 5 and not self.closed(day) and known.is_working_day(day)


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=subdivision or None)


@dataclass(frozen=True)
class BusinessCalendar:
    """Opening hours by weekday (Monday first), with special days and public holidays."""

    zone: ZoneInfo
    week: tuple[tuple[Hours, ...], ...]
    special: Mapping[date, tuple[Hours, ...]] = field(default_factory=dict)
    public_holidays: PublicHolidays | None = None

    def hours_of(self, day: date) -> tuple[Hours, ...]:
        if day in self.special:
            return tuple(sorted(self.special[day]))
        if self.public_holidays is not None:
            if self.public_holidays.closed(day):
                return ()
            if self.public_holidays.works_weekend(day):
                return tuple(sorted(self.week[0]))
        return tuple(sorted(self.week[day.weekday()]))

    def add(self, start: datetime, amount: timedelta) -> datetime:
        left = amount
        if left <= ZERO:
            return start
        for opens, closes in self._spans_from(start):
            begin = max(opens, start)
            if closes - begin >= left:
                return begin + left
            left -= max(closes - begin, ZERO)
        raise NeverOpenError("the calendar has no opening hours within 30 years")

    def measure(self, start: datetime, end: datetime) -> timedelta:
        total = ZERO
        if end <= start:
            return total
        for opens, closes in self._spans_from(start):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, start), ZERO)
        return total

    def _spans_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        first = start.astimezone(self.zone).date() - timedelta(days=1)
        for offset in range(MOST_DAYS):
            day = first + timedelta(days=offset)
            for hours in self.hours_of(day):
                yield instant_of(day, hours.start, self.zone), instant_of(day, hours.end, self.zone)


def instant_of(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant of a local time; a skipped one stands for the moment of the change."""
    naive = datetime.combine(day, time()) + timedelta(minutes=minute)
    local = naive.replace(tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == naive:
        return instant
    return _moment_of_change(local.replace(fold=1).astimezone(UTC), instant, zone)


def _moment_of_change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
