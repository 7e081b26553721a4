"""Use cases of policies, and what a new calendar does to running clocks."""

from __future__ import annotations

import uuid

from taproot_base.errors import InvalidArgument
from taproot_records.keeping import create_record, update_record
from taproot_records.mapping import Values
from taproot_servicedesk.calendars.queries import exists_calendar
from taproot_servicedesk.calendars.worktime import WorkTime
from taproot_servicedesk.sla import queries
from taproot_servicedesk.sla.clock import retarget
from taproot_servicedesk.sla.model import SlaPolicy
from taproot_storage.database import UnitOfWork


async def create_sla_policy(chosen: str, values: Values, work: UnitOfWork) -> SlaPolicy:
    return await create_record(SlaPolicy, chosen, values, work, lambda: _check_calendar(values, work))


async def update_sla_policy(key: str, etag: str, values: Values, work: UnitOfWork) -> SlaPolicy:
    return await update_record(SlaPolicy, key, etag, values, work, lambda: _check_calendar(values, work))


async def _check_calendar(values: Values, work: UnitOfWork) -> None:
    calendar = values.get("calendar_id")
    if calendar is not None and not await exists_calendar(work, calendar):
        raise InvalidArgument([("sla_policy.calendar_id", "there is no such calendar")])


async def recount_clocks(calendar_id: uuid.UUID, before: WorkTime, after: WorkTime, work: UnitOfWork) -> None:
    """Opening hours have changed: time used was counted by the old ones, what is left by the new."""
    now = work.clock.now()
    for stored in await queries.running_by(work, calendar_id):
        stored.keep(retarget(stored.clock, stored.promise, now, before), after, now)
