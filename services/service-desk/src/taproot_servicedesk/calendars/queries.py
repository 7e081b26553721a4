"""Reads of calendars."""

from __future__ import annotations

import uuid

from sqlalchemy import bindparam, exists, select

from taproot.servicedesk.v1 import calendar_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.calendars.model import Calendar, worktime_of
from taproot_servicedesk.calendars.worktime import AroundTheClock, WorkTime
from taproot_servicedesk.sla.model import SlaPolicy
from taproot_storage.database import Reader
from taproot_storage.statements import Statement

RESOURCE = resource_of(
    "calendar",
    Calendar,
    pb.Calendar,
    "id display_name time_zone holiday_country create_time update_time custom",
)
SHELF = Shelf(RESOURCE, Calendar, pb.Calendar)
_c = Calendar.__table__.c
_used = Statement(
    lambda: select(exists().where(SlaPolicy.__table__.c.calendar_id == bindparam("calendar_id")))
)
_one = Statement(
    lambda: select(
        _c.time_zone, _c.opening_hours, _c.special_days, _c.holiday_country, _c.holiday_subdivision
    ).where(_c.id == bindparam("calendar_id"))
)
AROUND_THE_CLOCK = AroundTheClock()


async def is_used(reader: Reader, calendar_id: uuid.UUID) -> bool:
    return bool(await reader.fetch_value(_used, calendar_id=calendar_id))


async def exists_calendar(reader: Reader, calendar_id: uuid.UUID) -> bool:
    return await reader.fetch_row(_one, calendar_id=calendar_id) is not None


class Calendars:
    """Calendars read once in a unit of work. None, and one deleted since, is around the clock."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[uuid.UUID | None, WorkTime] = {None: AROUND_THE_CLOCK}

    async def get(self, calendar_id: uuid.UUID | None) -> WorkTime:
        if calendar_id not in self._known:
            row = await self._reader.fetch_row(_one, calendar_id=calendar_id)
            self._known[calendar_id] = worktime_of(*row) if row is not None else AROUND_THE_CLOCK
        return self._known[calendar_id]
