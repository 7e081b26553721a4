"""gRPC of care dates: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import care_date_pb2 as pb
from taproot.customer.v1 import care_date_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_customer.care_dates import handlers, messages
from taproot_customer.care_dates.model import CareDate
from taproot_customer.care_dates.queries import CONVERSIONS, SHELF
from taproot_customer.recycling import delete_record
from taproot_customer.settings import CustomerSettings
from taproot_records.serving import ResourceServicer


class CareDatesServicer(ResourceServicer[pb.CareDate]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, SHELF)
        self._zone = runtime.settings.default_time_zone

    async def GetCareDate(self, request: rpc.GetCareDateRequest, _context: Any) -> pb.CareDate:
        return await self.get(request.id)

    async def ListCareDates(
        self, request: rpc.ListCareDatesRequest, _context: Any
    ) -> rpc.ListCareDatesResponse:
        return await self.page(request, rpc.ListCareDatesResponse, "care_dates")

    async def AggregateCareDates(
        self, request: rpc.AggregateCareDatesRequest, _context: Any
    ) -> rpc.AggregateCareDatesResponse:
        return await self.aggregate(request, rpc.AggregateCareDatesResponse)

    async def CreateCareDate(self, request: rpc.CreateCareDateRequest, _context: Any) -> pb.CareDate:
        message = request.care_date
        messages.check_new(message)
        values = CONVERSIONS.given(message, CareDate)
        return await self.change(
            request, lambda work: handlers.create_care_date(message.id, values, self._zone, work)
        )

    async def UpdateCareDate(self, request: rpc.UpdateCareDateRequest, _context: Any) -> pb.CareDate:
        message = request.care_date
        values = CONVERSIONS.changes(message, request.update_mask, CareDate)
        messages.check_changes(values)
        return await self.change(
            request,
            lambda work: handlers.update_care_date(message.id, message.etag, values, self._zone, work),
        )

    async def CancelCareDate(self, request: rpc.CancelCareDateRequest, _context: Any) -> pb.CareDate:
        return await self.change(
            request, lambda work: handlers.cancel_care_date(request.id, request.etag, work)
        )

    async def ReopenCareDate(self, request: rpc.ReopenCareDateRequest, _context: Any) -> pb.CareDate:
        return await self.change(
            request, lambda work: handlers.reopen_care_date(request.id, request.etag, self._zone, work)
        )

    async def DeleteCareDate(self, request: rpc.DeleteCareDateRequest, _context: Any) -> pb.CareDate:
        return await self.change(
            request, lambda work: delete_record(CareDate, request.id, request.etag, work)
        )

    async def UndeleteCareDate(self, request: rpc.UndeleteCareDateRequest, _context: Any) -> pb.CareDate:
        return await self.change(
            request, lambda work: handlers.undelete_care_date(request.id, self._zone, work)
        )
