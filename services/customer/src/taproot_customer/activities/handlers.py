"""Use cases of activities."""

from __future__ import annotations

from datetime import datetime

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import caller_id
from taproot_customer.activities import recurring
from taproot_customer.activities.model import PLANNED, Activity
from taproot_customer.activities.participants import asked_again, checked
from taproot_customer.parents import find_parent
from taproot_records.mapping import Values
from taproot_records.writing import load, moved, new_key, patched
from taproot_storage.database import UnitOfWork


async def create_activity(chosen: str, values: Values, work: UnitOfWork) -> Activity:
    """Lies in the customer's branch, whoever did it: who sees the customer's branch sees its touches."""
    parent = await find_parent(work, values["customer_id"])
    key = await new_key(work, Activity, chosen)
    owned: Values = {"owner_id": caller_id()} | values | parent.held
    if "participants" in owned:
        owned["participants"] = await checked(owned["participants"], (), parent.id, work)
    repeats = await recurring.checked_start(owned, work)
    activity = Activity.create(key, owned | repeats, work.clock.now())
    await work.add(activity)
    return activity


async def update_activity(key: str, etag: str, values: Values, work: UnitOfWork) -> Activity:
    activity = await load(work, Activity, key, etag)
    changed = patched(activity, await moved(work, "activities", activity, values))
    if changed.get("start_time", activity.start_time) is None:
        raise InvalidArgument([("activity.start_time", "cannot be taken away")])
    changed |= await recurring.revised(activity, changed, work)
    changed |= await _participants(activity, changed, work)
    activity.change(changed, work.clock.now())
    return activity


async def _participants(activity: Activity, changed: Values, work: UnitOfWork) -> Values:
    known = activity.participants
    if activity.state == PLANNED and _moved(activity, changed):
        known = asked_again(known)
    if "participants" in changed:
        known = await checked(changed["participants"], known, activity.customer_id, work)
    return {"participants": known} if known != activity.participants else {}


def _moved(activity: Activity, changed: Values) -> bool:
    return any(
        changed.get(name, getattr(activity, name)) != getattr(activity, name)
        for name in ("start_time", "repeats")
    )


async def respond_activity(key: str, etag: str, response: str, work: UnitOfWork) -> Activity:
    activity = await load(work, Activity, key, etag)
    activity.respond(caller_id(), response, work.clock.now())
    return activity


async def complete_activity(
    key: str, etag: str, outcome: str, body: str, slot: datetime | None, work: UnitOfWork
) -> Activity:
    """`slot`: which occurrence of a series; it becomes an activity of its own, which is returned."""
    activity = await load(work, Activity, key, etag)
    if activity.repeats is not None or slot is not None:
        return await recurring.complete_occurrence(activity, slot, outcome, body, work)
    activity.complete(outcome, body, work.clock.now())
    return activity


async def cancel_activity(key: str, etag: str, work: UnitOfWork) -> Activity:
    activity = await load(work, Activity, key, etag)
    activity.cancel(work.clock.now())
    return activity


async def comment_activity(key: str, etag: str, comment: str, work: UnitOfWork) -> Activity:
    activity = await load(work, Activity, key, etag)
    activity.leave_comment(comment, caller_id(), work.clock.now())
    return activity
