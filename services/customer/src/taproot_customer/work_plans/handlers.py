"""Use cases of work plans."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from taproot_base.errors import InvalidArgument, PermissionDenied
from taproot_chassis.placement import caller_id
from taproot_customer.recurrence.zones import zone_of_user
from taproot_customer.work_plans import queries
from taproot_customer.work_plans.model import WorkPlan, WorkPlanExists, span_of
from taproot_records.mapping import Values
from taproot_records.writing import load, new_key, patched, placed
from taproot_storage.database import UnitOfWork

_DAY = dt.timedelta(days=1)


async def create_work_plan(chosen: str, values: Values, work: UnitOfWork) -> WorkPlan:
    """The caller's own; the request holds the lock of the caller's plans."""
    own = caller_id()
    if own is None:
        raise PermissionDenied("a plan belongs to a user")
    await _check_customers(values, work)
    start, _ = span_of(values["period"], values["start_date"])
    await _require_free(own, values["period"], start, work)
    key = await new_key(work, WorkPlan, chosen)
    held = await placed(work, "work_plans", values | {"owner_id": own})
    made = WorkPlan.create(key, held, work.clock.now())
    await work.add(made)
    return made


async def update_work_plan(key: str, etag: str, values: Values, work: UnitOfWork) -> WorkPlan:
    found = await load(work, WorkPlan, key, etag)
    await _check_customers(values, work)
    found.revise(caller_id(), patched(found, values), work.clock.now())
    return found


async def undelete_work_plan(key: str, work: UnitOfWork) -> WorkPlan:
    found = await load(work, WorkPlan, key)
    await _require_free(found.owner_id, found.period, found.start_date, work, found.id)
    found.undelete(work.clock.now())
    return found


async def submit_work_plan(key: str, etag: str, work: UnitOfWork) -> WorkPlan:
    found = await load(work, WorkPlan, key, etag)
    zone = await zone_of_user(work, found.owner_id)
    since = dt.datetime.combine(found.start_date, dt.time(), zone)
    before = dt.datetime.combine(found.end_date + _DAY, dt.time(), zone)
    figures = await queries.figures(work, found.owner_id, since, before)
    found.submit(caller_id(), figures, work.clock.now())
    return found


async def review_work_plan(key: str, etag: str, comment: str, work: UnitOfWork) -> WorkPlan:
    found = await load(work, WorkPlan, key, etag)
    found.review(caller_id(), comment, work.clock.now())
    return found


async def return_work_plan(key: str, etag: str, comment: str, work: UnitOfWork) -> WorkPlan:
    found = await load(work, WorkPlan, key, etag)
    found.give_back(caller_id(), comment, work.clock.now())
    return found


async def comment_work_plan(key: str, etag: str, comment: str, work: UnitOfWork) -> WorkPlan:
    found = await load(work, WorkPlan, key, etag)
    found.comment(caller_id(), comment, work.clock.now())
    return found


async def _require_free(
    owner_id: uuid.UUID, period: str, start: dt.date, work: UnitOfWork, itself: uuid.UUID | None = None
) -> None:
    taken = await queries.of_period(work, owner_id, period, start)
    if taken not in (None, itself):
        raise WorkPlanExists(taken)


async def _check_customers(values: Values, work: UnitOfWork) -> None:
    items: list[dict[str, Any]] = values.get("items") or []
    asked = {
        number: uuid.UUID(item["customer_id"]) for number, item in enumerate(items) if item["customer_id"]
    }
    seen = await queries.seen_customers(work, set(asked.values()))
    unseen = [number for number, customer in asked.items() if customer not in seen]
    if unseen:
        raise InvalidArgument(
            [(f"work_plan.items[{number}].customer_id", "is no customer you can see") for number in unseen]
        )
