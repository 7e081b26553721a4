"""Rules of RFC 5545 over the hours of a wall clock. Pure.

A rule is followed in local time and its occurrences are placed on the time line one by one, so an occurrence keeps its
hour whatever the clocks do between; an hour the clocks skip is the one after, one they repeat is the first.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

MAX_COUNT = 1000
_PARTS = frozenset(
    {
        "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS",
        "WKST",
    }
)  # fmt: skip
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_UNTIL = "%Y%m%dT%H%M%SZ"
# The rarest rule that comes back at all is 29 February on one day of the week: 40 years over a century.
_HORIZON = dt.timedelta(days=366 * 41)
_SHORTEST_MONTH = 28


class BadRule(ValueError):
    """What is wrong, in words for who wrote it."""


def parts_of(text: str) -> dict[str, str]:
    """The parts of a rule by name. Raises BadRule."""
    parts: dict[str, str] = {}
    for part in text.upper().split(";"):
        name, _, value = part.partition("=")
        if name not in _PARTS or not value or name in parts:
            raise BadRule(f"{part or 'an empty part'} is not one of {', '.join(sorted(_PARTS))}, each once")
        parts[name] = value
    _check(parts)
    return parts


def _check(parts: dict[str, str]) -> None:
    if parts.get("FREQ") not in _FREQUENCIES:
        raise BadRule(f"FREQ must be one of {', '.join(_FREQUENCIES)}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRule("it ends by COUNT or by UNTIL, not by both")
    for name, most in (("COUNT", MAX_COUNT), ("INTERVAL", 999)):
        if name in parts and not (re.fullmatch(r"\d{1,4}", parts[name]) and 1 <= int(parts[name]) <= most):
            raise BadRule(f"{name} must be from 1 to {most}")
    if "UNTIL" in parts:
        until_of(parts)


def until_of(parts: dict[str, str]) -> dt.datetime | None:
    try:
        text = parts.get("UNTIL")
        return None if text is None else dt.datetime.strptime(text, _UNTIL).replace(tzinfo=dt.UTC)
    except ValueError:
        raise BadRule("UNTIL must be an instant in UTC such as 20271231T235959Z") from None


def text_of(parts: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items())


def ended_before(text: str, slot: dt.datetime) -> str:
    """The rule without `slot` and all that follows."""
    parts = parts_of(text)
    parts.pop("COUNT", None)
    last = slot.astimezone(dt.UTC) - dt.timedelta(seconds=1)
    return text_of(parts | {"UNTIL": last.strftime(_UNTIL)})


def same_day_rule(recurrence: str, start: dt.date) -> str:
    """The rule of a series `daily` to `yearly` that starts on that day; a day a month lacks slips to its last."""
    if start.day <= _SHORTEST_MONTH or recurrence not in ("monthly", "yearly"):
        return f"FREQ={recurrence.upper()}"
    days = ",".join(str(day) for day in range(_SHORTEST_MONTH, start.day + 1))
    month = f";BYMONTH={start.month}" if recurrence == "yearly" else ""
    return f"FREQ={recurrence.upper()}{month};BYMONTHDAY={days};BYSETPOS=-1"


@dataclass(frozen=True)
class Rule:
    """`start`: the first occurrence. Without text it is the only one."""

    start: dt.datetime
    text: str
    zone: ZoneInfo

    def check(self) -> None:
        """Raises BadRule."""
        if not self.text:
            return
        until = until_of(parts_of(self.text))
        if until is not None and until < self.start:
            raise BadRule("it ends before it starts")
        try:
            first = next(iter(self._rule.replace(until=self._local, count=None)), None)
        except (ValueError, TypeError) as error:
            raise BadRule(str(error)) from error
        if first != self._local:
            raise BadRule("the start is not an occurrence of the rule")

    def since(self, since: dt.datetime) -> Iterator[dt.datetime]:
        """Occurrences from an instant on, in their order; those of the next decades only."""
        if not self.text:
            return iter([self.start] if self.start >= since else [])
        local = since.astimezone(self.zone).replace(tzinfo=None) - dt.timedelta(days=1)
        found = (self._placed(each) for each in self._ahead(local))
        return (slot for slot in found if slot >= since)

    def between(self, since: dt.datetime, before: dt.datetime) -> Iterator[dt.datetime]:
        return takewhile(lambda slot: slot < before, self.since(since))

    def has(self, slot: dt.datetime) -> bool:
        return next(self.since(slot), None) == slot

    def number_before(self, slot: dt.datetime) -> int:
        return sum(1 for _ in self.between(self.start, slot))

    @property
    def last(self) -> dt.datetime | None:
        """No occurrence is after it; None when there is no end."""
        parts = parts_of(self.text) if self.text else {"COUNT": "1"}
        if "COUNT" in parts:
            *_, last = self.since(self.start)
            return last
        return until_of(parts)

    @cached_property
    def _local(self) -> dt.datetime:
        return self.start.astimezone(self.zone).replace(tzinfo=None)

    @cached_property
    def _parts(self) -> dict[str, str]:
        return parts_of(self.text)

    @cached_property
    def _until(self) -> dt.datetime | None:
        until = until_of(self._parts)
        return None if until is None else until.astimezone(self.zone).replace(tzinfo=None)

    @cached_property
    def _rule(self) -> rrule:
        text = text_of({name: value for name, value in self._parts.items() if name != "UNTIL"})
        try:
            found = rrulestr(text, dtstart=self._local)
        except (ValueError, TypeError) as error:
            raise BadRule(str(error)) from error
        assert isinstance(found, rrule)
        return found if self._until is None else found.replace(until=self._until)

    def _ahead(self, local: dt.datetime) -> Iterator[dt.datetime]:
        found = self._rule
        horizon = max(local, self._local) + _HORIZON
        if "COUNT" not in self._parts:
            found = found.replace(dtstart=self._nearer(local), until=min(self._until or horizon, horizon))
        return (each for each in found if each >= local)

    def _nearer(self, local: dt.datetime) -> dt.datetime:
        """A start of the same rhythm close to an instant: a daily series of years is not walked from its first day."""
        days = {"DAILY": 1, "WEEKLY": 7}.get(self._parts["FREQ"], 0) * int(self._parts.get("INTERVAL", "1"))
        if days == 0 or local <= self._local:
            return self._local
        # One step more: the first week after a start in its middle is cut short, which BYSETPOS would see.
        steps = max((local - self._local).days // days - 1, 0)
        return self._local + dt.timedelta(days=steps * days)

    def _placed(self, local: dt.datetime) -> dt.datetime:
        return local.replace(tzinfo=self.zone).astimezone(dt.UTC)
