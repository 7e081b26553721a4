"""Lines of an agenda, from rows; and which of them are in each other's way. Pure."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

from taproot_customer.activities.participants import people
from taproot_customer.care_dates.model import YEARLY
from taproot_customer.care_dates.schedule import occurrence_in, zone_of
from taproot_customer.recurrence.rules import Rule, same_day_rule
from taproot_customer.recurrence.series import Series

ACTIVITY, TASK, CARE_DATE = "activity", "task", "care_date"
# How far back something may have begun that still lasts.
LONGEST = dt.timedelta(days=31)
_DAY = dt.timedelta(days=1)
_MEETS = frozenset({"call", "visit", "meeting"})


@dataclass
class Entry:
    resource: str
    row: Any
    start: dt.datetime
    end: dt.datetime | None = None
    slot: dt.datetime | None = None
    day: dt.date | None = None
    conflicts: list[uuid.UUID] = field(default_factory=list)


@dataclass(frozen=True)
class Window:
    """[since, before); care dates last from midnight to midnight in `zone`."""

    since: dt.datetime
    before: dt.datetime
    zone: ZoneInfo

    def has(self, start: dt.datetime, end: dt.datetime | None) -> bool:
        return start < self.before and (start >= self.since or (end is not None and end > self.since))

    def days(self) -> list[dt.date]:
        first = self.since.astimezone(self.zone).date()
        ahead = (first + number * _DAY for number in range((self.before - self.since).days + 3))
        return list(takewhile(lambda day: self.midnight(day) < self.before, ahead))

    def midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.zone).astimezone(dt.UTC)


def of_activities(rows: Iterable[Any], window: Window) -> Iterator[Entry]:
    for row in rows:
        length = row["time_spent"]
        series = Series.of(row["start_time"], row["repeats"])
        for found in series.occurrences(window.since - LONGEST, window.before):
            end = found.start + length if length else None
            if window.has(found.start, end):
                yield Entry(ACTIVITY, row, found.start, end, found.slot if row["repeats"] else None)


def of_tasks(rows: Iterable[Any]) -> Iterator[Entry]:
    for row in rows:
        slot = row["occurrence_time"] if row["series_start"] else None
        yield Entry(TASK, row, row["due_time"], slot=slot)


def to_come(rows: Iterable[Any], zones: Mapping[uuid.UUID, str], window: Window) -> Iterator[Entry]:
    """When open recurring tasks will be due again."""
    for row in rows:
        zone = zone_of(row["time_zone"] or zones.get(row["owner_id"]))
        start = row["series_start"]
        text = row["recurrence_rule"] or same_day_rule(row["recurrence"], start.astimezone(zone).date())
        later = max(window.since, row["occurrence_time"] + dt.timedelta(microseconds=1))
        for slot in Rule(start, text, zone).between(later, window.before):
            yield Entry(TASK, row, slot, slot=slot)


def of_care_dates(rows: Iterable[Any], window: Window) -> Iterator[Entry]:
    days = set(window.days())
    years = {day.year for day in days}
    for row in rows:
        yearly = row["recurrence"] == YEARLY
        found = {occurrence_in(row["date"], year) for year in years} if yearly else {row["date"]}
        for day in sorted(found & days):
            if day >= row["date"]:
                start = window.midnight(day)
                yield Entry(CARE_DATE, row, start, window.midnight(day + _DAY), day=day)


def mark_conflicts(entries: Iterable[Entry]) -> None:
    """Planned calls, visits and meetings of one user that overlap name each other."""
    running: dict[uuid.UUID, list[Entry]] = {}
    for entry in sorted(filter(_occupies, entries), key=lambda each: each.start):
        for user in people(entry.row["owner_id"], entry.row["participants"]):
            still = [
                each for each in running.get(user, ()) if each.end is not None and each.end > entry.start
            ]
            for other in still:
                other.conflicts.append(entry.row["id"])
                entry.conflicts.append(other.row["id"])
            running[user] = [*still, entry]


def _occupies(entry: Entry) -> bool:
    row = entry.row
    busy = entry.resource == ACTIVITY and row["kind"] in _MEETS and row["state"] == "planned"
    return busy and entry.end is not None
