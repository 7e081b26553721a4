"""Use cases of calendars."""

from __future__ import annotations

import uuid

from taproot_records.keeping import erase_record
from taproot_records.mapping import Values
from taproot_records.writing import load, patched
from taproot_servicedesk.calendars import queries
from taproot_servicedesk.calendars.model import Calendar, CalendarInUse
from taproot_servicedesk.sla.handlers import recount_clocks
from taproot_storage.database import UnitOfWork


async def update_calendar(key: uuid.UUID, etag: str, values: Values, work: UnitOfWork) -> Calendar:
    """Clocks that run by it go on with the time already used and get new due times."""
    calendar = await load(work, Calendar, key, etag)
    before = calendar.worktime
    calendar.change(patched(calendar, values), work.clock.now())
    await recount_clocks(calendar.id, before, calendar.worktime, work)
    return calendar


async def delete_calendar(key: uuid.UUID, etag: str, work: UnitOfWork) -> Calendar:
    async def is_unused() -> None:
        if await queries.is_used(work, key):
            raise CalendarInUse

    return await erase_record(Calendar, key, etag, work, is_unused)
