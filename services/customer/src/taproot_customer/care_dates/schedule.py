"""On which days a care date is told of, and when such a day has come. Pure.

Days are the customer's calendar days, so a notice does not move with a change of the clocks, and a customer who moves
to another zone hears by the new one from then on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LEAP_DAY = (2, 29)
_AHEAD_YEARS = 2  # `days_before` goes up to 366, so the occurrence told of may lie in the year after the next


@dataclass(frozen=True, order=True)
class Notice:
    """`day`: when to tell of the occurrence."""

    day: dt.date
    occurrence: dt.date
    days_before: int


def occurrence_in(start: dt.date, year: int) -> dt.date:
    """29 February is 28 February in common years."""
    leap = (start.month, start.day) == _LEAP_DAY
    return start.replace(year=year, day=28) if leap and not _is_leap(year) else start.replace(year=year)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def first_notice(
    start: dt.date, days_before: Sequence[int], since: dt.date, *, yearly: bool
) -> Notice | None:
    """The first notice on `since` or later; None when there is none to come."""
    return min(_notices(start, days_before, since, since.year + _AHEAD_YEARS, yearly=yearly), default=None)


def notices_between(
    start: dt.date, days_before: Sequence[int], since: dt.date, until: dt.date, *, yearly: bool
) -> list[Notice]:
    """Notices of the days from `since` to `until`, both included, in their order."""
    found = _notices(start, days_before, since, until.year + _AHEAD_YEARS, yearly=yearly)
    return sorted(notice for notice in found if notice.day <= until)


def _notices(
    start: dt.date, days_before: Sequence[int], since: dt.date, last_year: int, *, yearly: bool
) -> Iterator[Notice]:
    for occurrence in _occurrences(start, since, last_year, yearly=yearly):
        for ahead in days_before:
            if (occurrence - since).days >= ahead:
                yield Notice(occurrence - dt.timedelta(days=ahead), occurrence, ahead)


def _occurrences(start: dt.date, since: dt.date, last_year: int, *, yearly: bool) -> Iterable[dt.date]:
    """Those that may be told of; none is before `start`."""
    if not yearly:
        return (start,)
    first = max(start.year, since.year)
    years = range(first, min(max(last_year, first), dt.MAXYEAR) + 1)
    return (occurrence_in(start, year) for year in years)


def zone_of(*names: str | None) -> ZoneInfo:
    """The first that is a time zone; UTC when none is."""
    for name in names:
        try:
            if name:
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def day_reached(now: dt.datetime, zone: ZoneInfo, hour: int) -> dt.date:
    """The last local day whose `hour` has come by the clock on the wall.

    An hour the clocks skip has come when they are past it.
    """
    local = now.astimezone(zone)
    return local.date() if local.hour >= hour else local.date() - dt.timedelta(days=1)
