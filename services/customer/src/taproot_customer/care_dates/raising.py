"""Job: tell of care dates whose day has come where their customer lives."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from taproot_base import telemetry
from taproot_customer.care_dates import queries
from taproot_customer.care_dates.model import CareDate
from taproot_customer.care_dates.schedule import day_reached, zone_of
from taproot_storage.database import Database, UnitOfWork

PAGE = 200
_EASTMOST = dt.timedelta(hours=14)


@dataclass(frozen=True)
class Raiser:
    """`hour`: from when on a day's notices are raised. `catch_up_days`: how late one may still be."""

    default_zone: str
    hour: int
    catch_up_days: int

    async def __call__(self, database: Database) -> int:
        raised = 0
        after: tuple[dt.date, uuid.UUID] | None = (dt.date.min, uuid.UUID(int=0))
        while after is not None:
            async with database.unit() as work:
                now = work.clock.now()
                latest = (now + _EASTMOST).date()
                rows = await queries.candidates(work, latest, after, PAGE)
                raised += await self._raise(rows, now, work)
            after = (rows[-1][1], rows[-1][0]) if len(rows) == PAGE else None
        return raised

    async def _raise(self, rows: Sequence[Any], now: dt.datetime, work: UnitOfWork) -> int:
        zones = {row[0]: zone_of(row[2], row[3], self.default_zone) for row in rows}
        due = [row[0] for row in rows if row[1] <= day_reached(now, zones[row[0]], self.hour)]
        if not due:
            return 0
        found: list[CareDate] = await work.scalars(queries.to_raise(due))
        return sum([await self._tell(each, zones[each.id], now, work) for each in found])

    async def _tell(self, found: CareDate, zone: ZoneInfo, now: dt.datetime, work: UnitOfWork) -> int:
        """How many notices it raised. One that comes too late is noted and not raised."""
        told, today = 0, now.astimezone(zone).date()
        for notice in found.take_due(day_reached(now, zone, self.hour)):
            late = (today - notice.day).days > self.catch_up_days
            if not await queries.mark(work, found, notice, None if late else now):
                continue
            if late:
                telemetry.logger.warning("care_date_missed", id=str(found.id), day=notice.day.isoformat())
                continue
            found.tell(notice, today, zone.key, now)
            told += 1
        return told
