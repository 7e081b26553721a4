"""gRPC of sla policies: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.servicedesk.v1 import sla_clock_pb2 as clock_pb
from taproot.servicedesk.v1 import sla_clock_service_pb2 as clock_rpc
from taproot.servicedesk.v1 import sla_policy_pb2 as pb
from taproot.servicedesk.v1 import sla_policy_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.keeping import erase_record
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_servicedesk.settings import ServiceDeskSettings
from taproot_servicedesk.sla import handlers, queries
from taproot_servicedesk.sla.model import SlaPolicy


class SlaPoliciesServicer(ResourceServicer[pb.SlaPolicy]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetSlaPolicy(self, request: rpc.GetSlaPolicyRequest, _context: Any) -> pb.SlaPolicy:
        return await self.get(request.id)

    async def ListSlaPolicies(
        self, request: rpc.ListSlaPoliciesRequest, _context: Any
    ) -> rpc.ListSlaPoliciesResponse:
        return await self.page(request, rpc.ListSlaPoliciesResponse, "sla_policies")

    async def CreateSlaPolicy(self, request: rpc.CreateSlaPolicyRequest, _context: Any) -> pb.SlaPolicy:
        values = given(request.sla_policy, SlaPolicy)
        return await self.change(
            request, lambda work: handlers.create_sla_policy(request.sla_policy.id, values, work)
        )

    async def UpdateSlaPolicy(self, request: rpc.UpdateSlaPolicyRequest, _context: Any) -> pb.SlaPolicy:
        message = request.sla_policy
        values = changes(message, request.update_mask, SlaPolicy)
        return await self.change(
            request, lambda work: handlers.update_sla_policy(message.id, message.etag, values, work)
        )

    async def DeleteSlaPolicy(self, request: rpc.DeleteSlaPolicyRequest, _context: Any) -> pb.SlaPolicy:
        return await self.change(
            request, lambda work: erase_record(SlaPolicy, request.id, request.etag, work)
        )


class SlaClocksServicer(ResourceServicer[clock_pb.SlaClock]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.CLOCK_SHELF)

    async def GetSlaClock(self, request: clock_rpc.GetSlaClockRequest, _context: Any) -> clock_pb.SlaClock:
        return await self.get(request.id)

    async def ListSlaClocks(
        self, request: clock_rpc.ListSlaClocksRequest, _context: Any
    ) -> clock_rpc.ListSlaClocksResponse:
        return await self.page(request, clock_rpc.ListSlaClocksResponse, "sla_clocks")

    async def AggregateSlaClocks(
        self, request: clock_rpc.AggregateSlaClocksRequest, _context: Any
    ) -> clock_rpc.AggregateSlaClocksResponse:
        return await self.aggregate(request, clock_rpc.AggregateSlaClocksResponse)
