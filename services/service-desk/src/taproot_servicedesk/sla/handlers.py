"""Use cases of policies, and what a new calendar does to running clocks."""

from __future__ import annotations

import uuid

from taproot_base.errors import InvalidArgument
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, new_key, patched
from taproot_servicedesk.calendars.queries import exists_calendar
from taproot_servicedesk.calendars.worktime import WorkTime
from taproot_servicedesk.sla import queries
from taproot_servicedesk.sla.clock import retarget
from taproot_servicedesk.sla.model import SlaPolicy
from taproot_storage.database import UnitOfWork


async def create_sla_policy(chosen: str, values: Values, work: UnitOfWork) -> SlaPolicy:
    now = work.clock.now()
    policy = SlaPolicy(id=await new_key(work, SlaPolicy, chosen), create_time=now)
    await _change(policy, values, work)
    await work.add(policy)
    return policy


async def update_sla_policy(key: uuid.UUID, etag: str, values: Values, work: UnitOfWork) -> SlaPolicy:
    policy = await load(work, SlaPolicy, key, etag)
    await _change(policy, patched(policy, values), work)
    return policy


async def _change(policy: SlaPolicy, values: Values, work: UnitOfWork) -> None:
    policy.change(values, work.clock.now())
    if policy.calendar_id is not None and not await exists_calendar(work, policy.calendar_id):
        raise InvalidArgument([("sla_policy.calendar_id", "there is no such calendar")])


async def delete_sla_policy(key: uuid.UUID, etag: str, work: UnitOfWork) -> SlaPolicy:
    policy = await load(work, SlaPolicy, key, etag)
    policy.delete(work.clock.now())
    await discard(work, policy)
    return policy


async def recount_clocks(calendar_id: uuid.UUID, before: WorkTime, after: WorkTime, work: UnitOfWork) -> None:
    """Opening hours have changed: time used was counted by the old ones, what is left by the new."""
    now = work.clock.now()
    for stored in await queries.running_by(work, calendar_id):
        stored.keep(retarget(stored.clock, stored.promise, now, before), after, now)
