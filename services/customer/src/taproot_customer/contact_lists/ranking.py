"""Why a customer is to be contacted on some days, and who comes first. Pure."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from taproot_customer.agendas.entries import Entry, Window

PROMISE, APPOINTMENT, EXPIRING, REORDER = "promise", "appointment", "expiring", "reorder"
BIRTHDAY, WIN_BACK, ANNIVERSARY, SILENCE = "birthday", "win_back", "anniversary", "silence"
POINTS: Mapping[str, int] = {
    PROMISE: 50, APPOINTMENT: 45, EXPIRING: 40, REORDER: 35, BIRTHDAY: 25, WIN_BACK: 20, ANNIVERSARY: 15, SILENCE: 10,
}  # fmt: skip
MEETINGS = frozenset({"call", "visit", "meeting"})
_MOST_LATE, _MOST_OVERDUE, _MOST_VALUE = 20, 10, 30
_FEWEST_ORDERS, _WIN_BACK_DAYS = 3, 90
LOST_AFTER = 3  # times the rhythm
_OF_CARE = {"birthday": BIRTHDAY, "anniversary": ANNIVERSARY, "other": ANNIVERSARY}
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Days:
    """From `first` to `last`, both included, by the calendar of `zone`."""

    first: dt.date
    last: dt.date
    today: dt.date
    zone: ZoneInfo

    @property
    def window(self) -> Window:
        return Window(self.start_of(self.first), self.start_of(self.last + _DAY), self.zone)

    @property
    def with_today(self) -> bool:
        return self.first <= self.today <= self.last

    def start_of(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.zone).astimezone(dt.UTC)

    def day_of(self, moment: dt.datetime) -> dt.date:
        return moment.astimezone(self.zone).date()

    def has(self, day: dt.date) -> bool:
        return self.first <= day <= self.last

    def takes(self, day: dt.date) -> bool:
        """What is overdue is due today."""
        return self.has(day) or (self.with_today and day < self.today)


@dataclass(frozen=True)
class Reason:
    kind: str
    day: dt.date
    points: int
    record_id: uuid.UUID | None = None
    name: str = ""


@dataclass
class Listed:
    """A customer with its reasons; `row` has the customer's columns and figures."""

    row: Any
    reasons: list[Reason] = field(default_factory=list)
    value_points: int = 0

    @property
    def score(self) -> int:
        return self.value_points + sum(reason.points for reason in self.reasons)


def of_task(row: Any, days: Days) -> Iterator[Reason]:
    day = days.day_of(row["due_time"])
    if days.takes(day):
        late = min(max((days.today - day).days, 0), _MOST_LATE)
        yield Reason(PROMISE, day, POINTS[PROMISE] + late, row["id"], row["display_name"])


def of_appointment(entry: Entry, days: Days) -> Iterator[Reason]:
    row, day = entry.row, days.day_of(entry.start)
    if row["state"] == "planned" and row["kind"] in MEETINGS and days.has(day):
        yield Reason(APPOINTMENT, day, POINTS[APPOINTMENT], row["id"], row["display_name"])


def of_care_date(entry: Entry) -> Iterator[Reason]:
    kind = _OF_CARE.get(entry.row["kind"], EXPIRING)
    if entry.day is not None:
        yield Reason(kind, entry.day, POINTS[kind], entry.row["id"], entry.row["display_name"])


def rhythm(row: Any) -> dt.timedelta | None:
    """The mean time between two orders; None for too few to tell, or for several a day."""
    if (row["order_count"] or 0) < _FEWEST_ORDERS:
        return None
    mean: dt.timedelta = (row["last_order_time"] - row["first_order_time"]) / (row["order_count"] - 1)
    return mean if mean >= _DAY else None


def of_orders(row: Any, days: Days) -> Iterator[Reason]:
    every = rhythm(row)
    if every is None:
        return
    last = row["last_order_time"]
    expected, lost = days.day_of(last + every), days.day_of(last + LOST_AFTER * every)
    if days.takes(lost):
        if (days.today - lost).days <= _WIN_BACK_DAYS:
            yield Reason(WIN_BACK, lost, POINTS[WIN_BACK])
    elif lost > days.today and days.takes(expected):
        late = min(max((days.today - expected) / every, 0), 1)
        yield Reason(REORDER, expected, POINTS[REORDER] + round(_MOST_OVERDUE * late))


def of_silence(row: Any, days: Days, patience: int) -> Iterator[Reason]:
    """`patience`: days without a contact."""
    day = days.day_of(row["last_contact_time"] or row["create_time"]) + patience * _DAY
    if days.takes(day):
        yield Reason(SILENCE, day, POINTS[SILENCE])


def give_value_points(listed: Sequence[Listed]) -> None:
    """By place among those listed, not by amount: one giant would leave nothing to tell the others apart by."""
    revenues = sorted({_revenue(one) for one in listed if _revenue(one) > 0})
    places = {revenue: place for place, revenue in enumerate(revenues, start=1)}
    for one in listed:
        one.value_points = round(_MOST_VALUE * places.get(_revenue(one), 0) / max(len(places), 1))


def _revenue(one: Listed) -> Decimal:
    return one.row["revenue_365_days"] or Decimal(0)


def ranked(listed: Iterable[Listed]) -> list[Listed]:
    found = [one for one in listed if one.reasons]
    for one in found:
        one.reasons.sort(key=lambda reason: (-reason.points, reason.day, str(reason.record_id)))
    return sorted(found, key=lambda one: (-one.score, min(r.day for r in one.reasons), one.row["id"]))
