"""gRPC of object types: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import object_type_pb2 as pb
from taproot.customer.v1 import object_type_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_customer.object_types import handlers, queries
from taproot_customer.object_types.messages import CONVERSIONS
from taproot_customer.object_types.model import ObjectType
from taproot_customer.settings import CustomerSettings
from taproot_records.serving import ResourceServicer


class ObjectTypesServicer(ResourceServicer[pb.ObjectType]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetObjectType(self, request: rpc.GetObjectTypeRequest, _context: Any) -> pb.ObjectType:
        return await self.get(request.id)

    async def ListObjectTypes(
        self, request: rpc.ListObjectTypesRequest, _context: Any
    ) -> rpc.ListObjectTypesResponse:
        return await self.page(request, rpc.ListObjectTypesResponse, "object_types")

    async def AggregateObjectTypes(
        self, request: rpc.AggregateObjectTypesRequest, _context: Any
    ) -> rpc.AggregateObjectTypesResponse:
        return await self.aggregate(request, rpc.AggregateObjectTypesResponse)

    async def CreateObjectType(self, request: rpc.CreateObjectTypeRequest, _context: Any) -> pb.ObjectType:
        values = CONVERSIONS.given(request.object_type, ObjectType)
        return await self.change(
            request,
            lambda work: handlers.create_object_type(request.object_type.id, values, work),
        )

    async def UpdateObjectType(self, request: rpc.UpdateObjectTypeRequest, _context: Any) -> pb.ObjectType:
        message = request.object_type
        values = CONVERSIONS.changes(message, request.update_mask, ObjectType)
        return await self.change(
            request,
            lambda work: handlers.update_object_type(message.id, message.etag, values, work),
        )

    async def DeleteObjectType(self, request: rpc.DeleteObjectTypeRequest, _context: Any) -> pb.ObjectType:
        return await self.change(
            request,
            lambda work: handlers.retire_object_type(request.id, request.etag, work),
        )

    async def UndeleteObjectType(
        self, request: rpc.UndeleteObjectTypeRequest, _context: Any
    ) -> pb.ObjectType:
        return await self.change(
            request,
            lambda work: handlers.restore_object_type(request.id, request.etag, work),
        )
