"""gRPC of calls: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import ZoneInfo

from taproot.servicedesk.v1 import call_pb2 as pb
from taproot.servicedesk.v1 import call_service_pb2 as rpc
from taproot_base.wire import optional_instant, optional_uuid
from taproot_chassis.service import Runtime
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_servicedesk.calls import handlers, messages, queries
from taproot_servicedesk.calls.model import Call
from taproot_servicedesk.calls.phone import normal_phone
from taproot_servicedesk.customer_refs.door import CustomerDoor
from taproot_servicedesk.settings import ServiceDeskSettings
from taproot_storage.database import Reader
from taproot_storage.idempotency import lock_key

DEFAULT_CANDIDATES, MOST_CANDIDATES = 5, 20


class CallsServicer(ResourceServicer[pb.Call]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)
        self._region = runtime.settings.default_region
        self._customers = CustomerDoor(runtime)
        self._zone = ZoneInfo(runtime.settings.default_time_zone)

    async def GetCall(self, request: rpc.GetCallRequest, _context: Any) -> pb.Call:
        return await self.get(request.id)

    async def ListCalls(self, request: rpc.ListCallsRequest, _context: Any) -> rpc.ListCallsResponse:
        return await self.page(request, rpc.ListCallsResponse, "calls")

    async def AggregateCalls(
        self, request: rpc.AggregateCallsRequest, _context: Any
    ) -> rpc.AggregateCallsResponse:
        return await self.aggregate(request, rpc.AggregateCallsResponse)

    async def CreateCall(self, request: rpc.CreateCallRequest, _context: Any) -> pb.Call:
        values = given(request.call, Call)
        await self._customers.admit(request.call.customer_id)
        external = values.get("external_id")
        return await self.change(
            request,
            lambda work: handlers.create_call(request.call.id, values, self._region, work),
            (lock_key("call", external),) if external else (),
        )

    async def UpdateCall(self, request: rpc.UpdateCallRequest, _context: Any) -> pb.Call:
        message = request.call
        values = changes(message, request.update_mask, Call)
        key = uuid.UUID(message.id)
        return await self.change(
            request, lambda work: handlers.update_call(key, message.etag, values, self._region, work)
        )

    async def AnswerCall(self, request: rpc.AnswerCallRequest, _context: Any) -> pb.Call:
        key, owner = uuid.UUID(request.id), optional_uuid(request.owner_id)
        at = optional_instant(request, "answer_time")
        return await self.change(
            request, lambda work: handlers.answer_call(key, request.etag, owner, at, work)
        )

    async def EndCall(self, request: rpc.EndCallRequest, _context: Any) -> pb.Call:
        key, at = uuid.UUID(request.id), optional_instant(request, "end_time")
        values = {
            name: getattr(request, name) for name in ("recording_uri", "outcome") if getattr(request, name)
        }
        return await self.change(request, lambda work: handlers.end_call(key, request.etag, values, at, work))

    async def IdentifyCaller(
        self, request: rpc.IdentifyCallerRequest, _context: Any
    ) -> rpc.IdentifyCallerResponse:
        phone = normal_phone(request.phone, self._region)
        most = min(request.page_size or DEFAULT_CANDIDATES, MOST_CANDIDATES)
        today = self.database.clock.now().astimezone(self._zone).date()

        async def query(reader: Reader) -> rpc.IdentifyCallerResponse:
            rows = await queries.identify(reader, phone, today, most)
            found = [messages.to_candidate(row, today) for row in rows]
            return rpc.IdentifyCallerResponse(phone=phone, candidates=found)

        return await self.read(query)
