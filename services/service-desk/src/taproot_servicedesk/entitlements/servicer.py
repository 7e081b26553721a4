"""gRPC of entitlements: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.servicedesk.v1 import entitlement_pb2 as pb
from taproot.servicedesk.v1 import entitlement_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_servicedesk.customer_refs.door import CustomerDoor
from taproot_servicedesk.entitlements import handlers, queries
from taproot_servicedesk.entitlements.model import Entitlement
from taproot_servicedesk.settings import ServiceDeskSettings


class EntitlementsServicer(ResourceServicer[pb.Entitlement]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)
        self.zone = runtime.settings.default_time_zone
        self._customers = CustomerDoor(runtime)

    async def GetEntitlement(self, request: rpc.GetEntitlementRequest, _context: Any) -> pb.Entitlement:
        return await self.get(request.id)

    async def ListEntitlements(
        self, request: rpc.ListEntitlementsRequest, _context: Any
    ) -> rpc.ListEntitlementsResponse:
        return await self.page(request, rpc.ListEntitlementsResponse, "entitlements")

    async def AggregateEntitlements(
        self, request: rpc.AggregateEntitlementsRequest, _context: Any
    ) -> rpc.AggregateEntitlementsResponse:
        return await self.aggregate(request, rpc.AggregateEntitlementsResponse)

    async def CreateEntitlement(self, request: rpc.CreateEntitlementRequest, _context: Any) -> pb.Entitlement:
        values = given(request.entitlement, Entitlement)
        await self._customers.admit(request.entitlement.customer_id)
        return await self.change(
            request, lambda work: handlers.create_entitlement(request.entitlement.id, values, self.zone, work)
        )

    async def UpdateEntitlement(self, request: rpc.UpdateEntitlementRequest, _context: Any) -> pb.Entitlement:
        message = request.entitlement
        values = changes(message, request.update_mask, Entitlement)
        key = uuid.UUID(message.id)
        return await self.change(
            request, lambda work: handlers.update_entitlement(key, message.etag, values, self.zone, work)
        )

    async def RevokeEntitlement(self, request: rpc.RevokeEntitlementRequest, _context: Any) -> pb.Entitlement:
        key = uuid.UUID(request.id)
        return await self.change(
            request, lambda work: handlers.revoke_entitlement(key, request.etag, request.reason, work)
        )
