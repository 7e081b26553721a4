"""gRPC of dispatches: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.servicedesk.v1 import dispatch_pb2 as pb
from taproot.servicedesk.v1 import dispatch_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.serving import ResourceServicer
from taproot_servicedesk.dispatches import handlers, queries
from taproot_servicedesk.settings import ServiceDeskSettings


class DispatchesServicer(ResourceServicer[pb.Dispatch]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetDispatch(self, request: rpc.GetDispatchRequest, _context: Any) -> pb.Dispatch:
        return await self.get(request.id)

    async def ListDispatches(
        self, request: rpc.ListDispatchesRequest, _context: Any
    ) -> rpc.ListDispatchesResponse:
        return await self.page(request, rpc.ListDispatchesResponse, "dispatches")

    async def AggregateDispatches(
        self, request: rpc.AggregateDispatchesRequest, _context: Any
    ) -> rpc.AggregateDispatchesResponse:
        return await self.aggregate(request, rpc.AggregateDispatchesResponse)

    async def AcceptDispatch(self, request: rpc.AcceptDispatchRequest, _context: Any) -> pb.Dispatch:
        key = uuid.UUID(request.id)
        return await self.change(request, lambda work: handlers.accept_dispatch(key, request.etag, work))

    async def RefuseDispatch(self, request: rpc.RefuseDispatchRequest, _context: Any) -> pb.Dispatch:
        key = uuid.UUID(request.id)
        return await self.change(
            request, lambda work: handlers.refuse_dispatch(key, request.etag, request.reason, work)
        )

    async def CompleteDispatch(self, request: rpc.CompleteDispatchRequest, _context: Any) -> pb.Dispatch:
        key = uuid.UUID(request.id)
        return await self.change(
            request, lambda work: handlers.complete_dispatch(key, request.etag, request.result, work)
        )

    async def CancelDispatch(self, request: rpc.CancelDispatchRequest, _context: Any) -> pb.Dispatch:
        key = uuid.UUID(request.id)
        return await self.change(
            request, lambda work: handlers.cancel_dispatch(key, request.etag, request.reason, work)
        )
