"""gRPC of calendars: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.servicedesk.v1 import calendar_pb2 as pb
from taproot.servicedesk.v1 import calendar_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.keeping import create_record
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_servicedesk.calendars import handlers, queries
from taproot_servicedesk.calendars.model import Calendar
from taproot_servicedesk.settings import ServiceDeskSettings


class CalendarsServicer(ResourceServicer[pb.Calendar]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetCalendar(self, request: rpc.GetCalendarRequest, _context: Any) -> pb.Calendar:
        return await self.get(request.id)

    async def ListCalendars(
        self, request: rpc.ListCalendarsRequest, _context: Any
    ) -> rpc.ListCalendarsResponse:
        return await self.page(request, rpc.ListCalendarsResponse, "calendars")

    async def CreateCalendar(self, request: rpc.CreateCalendarRequest, _context: Any) -> pb.Calendar:
        values = given(request.calendar, Calendar)
        return await self.change(
            request, lambda work: create_record(Calendar, request.calendar.id, values, work)
        )

    async def UpdateCalendar(self, request: rpc.UpdateCalendarRequest, _context: Any) -> pb.Calendar:
        message = request.calendar
        values = changes(message, request.update_mask, Calendar)
        key = uuid.UUID(message.id)
        return await self.change(
            request, lambda work: handlers.update_calendar(key, message.etag, values, work)
        )

    async def DeleteCalendar(self, request: rpc.DeleteCalendarRequest, _context: Any) -> pb.Calendar:
        key = uuid.UUID(request.id)
        return await self.change(request, lambda work: handlers.delete_calendar(key, request.etag, work))
