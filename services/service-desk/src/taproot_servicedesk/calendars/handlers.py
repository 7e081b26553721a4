"""Use cases of calendars."""

from __future__ import annotations

import uuid

from taproot_records.mapping import Values
from taproot_records.writing import discard, load, new_key, patched
from taproot_servicedesk.calendars import queries
from taproot_servicedesk.calendars.model import Calendar, CalendarInUse
from taproot_servicedesk.sla.handlers import recount_clocks
from taproot_storage.database import UnitOfWork


async def create_calendar(chosen: str, values: Values, work: UnitOfWork) -> Calendar:
    now = work.clock.now()
    calendar = Calendar(id=await new_key(work, Calendar, chosen), create_time=now)
    calendar.change(values, now)
    await work.add(calendar)
    return calendar


async def update_calendar(key: uuid.UUID, etag: str, values: Values, work: UnitOfWork) -> Calendar:
    """Clocks that run by it go on with the time already used and get new due times."""
    calendar = await load(work, Calendar, key, etag)
    before = calendar.worktime
    calendar.change(patched(calendar, values), work.clock.now())
    await recount_clocks(calendar.id, before, calendar.worktime, work)
    return calendar


async def delete_calendar(key: uuid.UUID, etag: str, work: UnitOfWork) -> Calendar:
    calendar = await load(work, Calendar, key, etag)
    if await queries.is_used(work, key):
        raise CalendarInUse
    calendar.delete(work.clock.now())
    await discard(work, calendar)
    return calendar
