"""Use cases of activities that come again."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_customer.activities import queries
from taproot_customer.activities.model import DONE, PLANNED, Activity
from taproot_customer.reading import read_one
from taproot_customer.recurrence.rules import BadRule, ended_before, parts_of, text_of
from taproot_customer.recurrence.series import Change, Occurrence, Series
from taproot_customer.recurrence.zones import is_zone, zone_of_user
from taproot_records.mapping import Values
from taproot_records.writing import load
from taproot_storage.database import Database, Reader, UnitOfWork

REMIND_BATCH = 200
SPLIT_FIELDS = {"display_name", "body", "place", "start_time", "time_spent", "repeats", "lead"}
_COPIED = (
    "customer_id", "kind", "display_name", "body", "direction", "time_spent", "contact_id", "related", "place",
    "owner_id", "branch_id", "branch_path", "custom", "participants",
)  # fmt: skip


async def checked_start(values: Values, work: UnitOfWork) -> Values:
    """What a new series adds to its values. Raises InvalidArgument."""
    repeats = values.get("repeats")
    if not repeats:
        return {"repeats": None}
    start = (values.get("start_time") or work.clock.now()).replace(microsecond=0)
    series = Series.of(start, await _zoned(repeats, values.get("owner_id"), work))
    _check(series)
    return {"start_time": start, "repeats": series.stored()}


async def _zoned(repeats: dict[str, Any], owner: Any, work: UnitOfWork) -> dict[str, Any]:
    name = repeats["time_zone"] or (await zone_of_user(work, owner)).key
    if not is_zone(name):
        raise InvalidArgument([("activity.recurrence.time_zone", "is not an IANA time zone")])
    return repeats | {"time_zone": name}


def _check(series: Series) -> None:
    try:
        series.rule.check()
    except BadRule as error:
        raise InvalidArgument([("activity.recurrence.rule", str(error))]) from error


async def revised(activity: Activity, values: Values, work: UnitOfWork) -> Values:
    """The whole series under a new rule or start: what was changed of it moves along."""
    more: Values = {"reminded_through": work.clock.now()} if "lead" in values else {}
    repeats = values.get("repeats", activity.repeats)
    if repeats is None or not values.keys() & {"repeats", "start_time"}:
        return more
    if activity.state != PLANNED:
        raise InvalidArgument([("activity.recurrence", "only a planned activity comes again")])
    start = values.get("start_time", activity.start_time).replace(microsecond=0)
    after = Series.of(start, await _zoned(repeats, activity.owner_id, work))
    _check(after)
    kept = activity.series.revised(after.rule) if activity.repeats is not None else after
    return more | {"start_time": start, "repeats": kept.stored()}


async def expand(reader: Reader, key: str, since: datetime, before: datetime) -> list[Occurrence]:
    row = await read_one(reader, Activity, uuid.UUID(key))
    return Series.of(row["start_time"], row["repeats"]).occurrences(since, before)


async def change_occurrence(
    key: str, etag: str, slot: datetime, start: datetime | None, work: UnitOfWork
) -> Activity:
    """`start`: None to cancel it."""
    activity = await load(work, Activity, key, etag)
    _require_occurrence(activity, slot)
    activity.change_occurrence(Change(slot, start, told=_told(activity, slot)), work.clock.now())
    return activity


def _told(activity: Activity, slot: datetime) -> bool:
    changed, through = activity.series.changes.get(slot), activity.reminded_through
    if changed is not None:
        return changed.told
    return activity.lead is not None and through is not None and slot - activity.lead <= through


def _require_occurrence(activity: Activity, slot: datetime | None) -> None:
    if activity.repeats is None:
        raise InvalidArgument([("occurrence_time", "the activity takes place once")])
    if slot is None or not activity.series.takes(slot):
        raise InvalidArgument([("occurrence_time", "the series has no such occurrence to come")])


async def complete_occurrence(
    activity: Activity, slot: datetime | None, outcome: str, body: str, work: UnitOfWork
) -> Activity:
    _require_occurrence(activity, slot)
    assert slot is not None
    now, key = work.clock.now(), new_id()
    start = min(activity.series.start_of(slot) or slot, now)
    given = {"outcome": outcome or activity.outcome, "body": body or activity.body}
    activity.change_occurrence(Change(slot, None, str(key), told=True), now)
    done = Activity.create(key, _copied(activity) | given | {"start_time": start}, now)
    assert done.state == DONE
    await work.add(done)
    return done


def _copied(activity: Activity) -> Values:
    return {name: getattr(activity, name) for name in _COPIED}


async def split_activity(key: str, etag: str, slot: datetime, values: Values, work: UnitOfWork) -> Activity:
    activity = await load(work, Activity, key, etag)
    _require_occurrence(activity, slot)
    if slot == activity.start_time:
        raise InvalidArgument([("occurrence_time", "is the first: change the whole series")])
    before, tail = _halves(activity.series, slot)
    lead = values.get("lead", activity.lead)
    copied = _copied(activity) | {"start_time": slot, "lead": lead, "repeats": tail.stored()}
    made = copied | {name: value for name, value in values.items() if value is not None}
    made |= await checked_start(made, work)
    rule = Series.of(made["start_time"], made["repeats"]).rule
    made["repeats"] = tail.revised(rule).stored()
    activity.end_with(before, work.clock.now())
    following = Activity.create(
        new_id(), made | {"reminded_through": activity.reminded_through}, work.clock.now()
    )
    await work.add(following)
    return following


def _halves(series: Series, slot: datetime) -> tuple[Series, Series]:
    rule, parts = series.rule, parts_of(series.rule.text)
    if "COUNT" in parts:
        parts["COUNT"] = str(int(parts["COUNT"]) - rule.number_before(slot))
    kind = type(rule)
    ended = kind(rule.start, ended_before(rule.text, slot), rule.zone)
    return series.part(ended, None, slot), series.part(kind(slot, text_of(parts), rule.zone), slot, None)


async def remind_due(database: Database) -> int:
    """Job: raise `activity.reminded`, once per occurrence."""
    async with database.unit() as work:
        now = work.clock.now()
        found: list[Activity] = await work.scalars(queries.to_remind(now, REMIND_BATCH))
        for activity in found:
            activity.remind(now)
    return len(found)
