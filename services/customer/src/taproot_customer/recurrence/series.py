"""A series of occurrences, some of which were changed, and when to remind of them. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from taproot_customer.care_dates.schedule import zone_of
from taproot_customer.recurrence.rules import Rule

# After an outage: a reminder of what is over for longer than this helps nobody.
LATEST = dt.timedelta(days=1)


@dataclass(frozen=True)
class Change:
    """`start` is None when the occurrence does not take place; `told`: its reminder was given."""

    slot: dt.datetime
    start: dt.datetime | None = None
    activity_id: str = ""
    told: bool = False


@dataclass(frozen=True, order=True)
class Occurrence:
    """`slot`: when the rule has it start; that names it."""

    start: dt.datetime
    slot: dt.datetime


@dataclass(frozen=True)
class Series:
    rule: Rule
    changes: Mapping[dt.datetime, Change] = field(default_factory=dict)

    @classmethod
    def of(cls, start: dt.datetime, stored: Mapping[str, Any] | None) -> Series:
        found = stored or {}
        changes = [_change(each) for each in found.get("changes", ())]
        rule = Rule(start, found.get("rule", ""), zone_of(found.get("time_zone")))
        return cls(rule, {change.slot: change for change in changes})

    def stored(self) -> dict[str, Any]:
        changes = [_stored(self.changes[slot]) for slot in sorted(self.changes)]
        return {"rule": self.rule.text, "time_zone": self.rule.zone.key, "changes": changes}

    def occurrences(self, since: dt.datetime, before: dt.datetime) -> list[Occurrence]:
        """Those that take place and start in the window."""
        by_rule = (slot for slot in self.rule.between(since, before) if slot not in self.changes)
        moved = ((each.slot, each.start) for each in self.changes.values() if each.start is not None)
        found = [Occurrence(slot, slot) for slot in by_rule]
        found += [Occurrence(start, slot) for slot, start in moved if since <= start < before]
        return sorted(found)

    def takes(self, slot: dt.datetime) -> bool:
        """Whether the occurrence is one of the rule and not done yet."""
        changed = self.changes.get(slot)
        return self.rule.has(slot) and not (changed and changed.activity_id)

    def start_of(self, slot: dt.datetime) -> dt.datetime | None:
        changed = self.changes.get(slot)
        return changed.start if changed else slot

    def changed(self, change: Change) -> Series:
        return replace(self, changes={**self.changes, change.slot: change})

    def revised(self, rule: Rule) -> Series:
        """Under another rule: what was changed stays so where its occurrence, moved along with the start, is one."""
        shift = _local(rule.start, rule) - _local(self.rule.start, self.rule)
        moved = (
            replace(each, slot=_shifted(each.slot, shift, self.rule, rule)) for each in self.changes.values()
        )
        return Series(rule, {each.slot: each for each in moved if rule.has(each.slot)})

    def part(self, rule: Rule, since: dt.datetime | None, before: dt.datetime | None) -> Series:
        """The changes of one side of a split."""
        kept = {
            slot: each
            for slot, each in self.changes.items()
            if (since is None or slot >= since) and (before is None or slot < before)
        }
        return Series(rule, kept)

    @property
    def last(self) -> dt.datetime | None:
        """No occurrence starts after it; None when there is no end."""
        end = self.rule.last
        starts = (each.start for each in self.changes.values() if each.start is not None)
        return None if end is None else max([end, *starts])

    # Reminders: `through` is up to when those of the rule were given.

    def next_reminder(self, lead: dt.timedelta, through: dt.datetime) -> dt.datetime | None:
        later = through + lead + dt.timedelta(microseconds=1)
        plain = (slot for slot in self.rule.since(later) if slot not in self.changes)
        moments = [slot - lead for slot in _first(plain)]
        moments += [start - lead for start, _ in self._untold()]
        return min(moments, default=None)

    def reminders(self, lead: dt.timedelta, through: dt.datetime, now: dt.datetime) -> list[Occurrence]:
        """Occurrences to remind of by now, but for those that are long over."""
        oldest = now - LATEST
        since = max(through + lead + dt.timedelta(microseconds=1), oldest)
        until = now + lead + dt.timedelta(microseconds=1)
        found = [Occurrence(s, s) for s in self.rule.between(since, until) if s not in self.changes]
        found += [Occurrence(start, slot) for start, slot in self._untold() if oldest <= start <= now + lead]
        return sorted(found)

    def told(self, lead: dt.timedelta, now: dt.datetime) -> Series:
        due = {slot for start, slot in self._untold() if start - lead <= now}
        changes = {s: replace(each, told=each.told or s in due) for s, each in self.changes.items()}
        return replace(self, changes=changes)

    def _untold(self) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        return (
            (each.start, each.slot)
            for each in self.changes.values()
            if each.start is not None and not each.told
        )


def _first(slots: Iterator[dt.datetime]) -> list[dt.datetime]:
    first = next(slots, None)
    return [] if first is None else [first]


def _local(instant: dt.datetime, rule: Rule) -> dt.datetime:
    return instant.astimezone(rule.zone).replace(tzinfo=None)


def _shifted(slot: dt.datetime, shift: dt.timedelta, before: Rule, after: Rule) -> dt.datetime:
    return (_local(slot, before) + shift).replace(tzinfo=after.zone).astimezone(dt.UTC)


def _change(stored: Mapping[str, Any]) -> Change:
    start = stored["start_time"]
    return Change(
        dt.datetime.fromisoformat(stored["occurrence_time"]),
        dt.datetime.fromisoformat(start) if start else None,
        stored["activity_id"],
        stored["told"],
    )


def _stored(change: Change) -> dict[str, Any]:
    return {
        "occurrence_time": change.slot.isoformat(),
        "start_time": change.start.isoformat() if change.start else None,
        "activity_id": change.activity_id,
        "told": change.told,
    }
