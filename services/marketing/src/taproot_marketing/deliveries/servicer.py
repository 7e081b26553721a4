"""gRPC of deliveries: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.marketing.v1 import delivery_pb2 as pb
from taproot.marketing.v1 import delivery_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_marketing.deliveries import handlers, messages
from taproot_marketing.deliveries.queries import SHELF
from taproot_marketing.settings import MarketingSettings
from taproot_records.serving import ResourceServicer
from taproot_storage.database import UnitOfWork


class DeliveriesServicer(ResourceServicer[pb.Delivery]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetDelivery(self, request: rpc.GetDeliveryRequest, _context: Any) -> pb.Delivery:
        return await self.get(request.id)

    async def ListDeliveries(
        self, request: rpc.ListDeliveriesRequest, _context: Any
    ) -> rpc.ListDeliveriesResponse:
        return await self.page(request, rpc.ListDeliveriesResponse, "deliveries")

    async def AggregateDeliveries(
        self, request: rpc.AggregateDeliveriesRequest, _context: Any
    ) -> rpc.AggregateDeliveriesResponse:
        return await self.aggregate(request, rpc.AggregateDeliveriesResponse)

    async def CancelDelivery(self, request: rpc.CancelDeliveryRequest, _context: Any) -> pb.Delivery:
        async def act(work: UnitOfWork) -> pb.Delivery:
            return messages.to_message(await handlers.cancel_delivery(request.id, request.etag, work))

        return await self.once(request, act, SHELF.get)

    async def ResolveDelivery(self, request: rpc.ResolveDeliveryRequest, _context: Any) -> pb.Delivery:
        outcome = wire.enum_name(rpc.DeliveryOutcome, request.outcome, "DELIVERY_OUTCOME_")

        async def act(work: UnitOfWork) -> pb.Delivery:
            done = await handlers.resolve_delivery(request.id, request.etag, outcome, work)
            return messages.to_message(done)

        return await self.once(request, act, SHELF.get)

    async def ReportDeliveryBounce(
        self, request: rpc.ReportDeliveryBounceRequest, _context: Any
    ) -> pb.Delivery:
        kind = wire.enum_name(rpc.BounceKind, request.kind, "BOUNCE_KIND_")

        async def act(work: UnitOfWork) -> pb.Delivery:
            done = await handlers.report_bounce(request.message_id, kind, request.reason, work)
            return messages.to_message(done)

        return await self.once(request, act, SHELF.get)
