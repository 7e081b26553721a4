"""gRPC of custom fields: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import custom_field_pb2 as pb
from taproot.customer.v1 import custom_field_service_pb2 as rpc
from taproot_chassis.customfields import Holdings, record_types
from taproot_chassis.service import Runtime
from taproot_customer.base import Base
from taproot_customer.custom_fields import handlers, queries
from taproot_customer.custom_fields.messages import CONVERSIONS
from taproot_customer.custom_fields.model import OBJECTS, CustomField
from taproot_customer.object_types import queries as object_types
from taproot_customer.settings import CustomerSettings
from taproot_records.serving import ResourceServicer
from taproot_storage.database import UnitOfWork


async def knows_type(work: UnitOfWork, resource_type: str) -> bool:
    if resource_type.startswith(OBJECTS):
        return await object_types.exists(work, resource_type.removeprefix(OBJECTS))
    return resource_type in record_types() - {"object"}


class CustomFieldsServicer(ResourceServicer[pb.CustomField]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, queries.SHELF)
        self._holdings = Holdings(mapper.class_ for mapper in Base.registry.mappers)

    async def GetCustomField(self, request: rpc.GetCustomFieldRequest, _context: Any) -> pb.CustomField:
        return await self.get(request.id)

    async def ListCustomFields(
        self, request: rpc.ListCustomFieldsRequest, _context: Any
    ) -> rpc.ListCustomFieldsResponse:
        return await self.page(request, rpc.ListCustomFieldsResponse, "custom_fields")

    async def AggregateCustomFields(
        self, request: rpc.AggregateCustomFieldsRequest, _context: Any
    ) -> rpc.AggregateCustomFieldsResponse:
        return await self.aggregate(request, rpc.AggregateCustomFieldsResponse)

    async def CreateCustomField(self, request: rpc.CreateCustomFieldRequest, _context: Any) -> pb.CustomField:
        values = CONVERSIONS.given(request.custom_field, CustomField)
        return await self.change(
            request,
            lambda work: handlers.create_custom_field(
                request.custom_field.id, values, work, self._holdings, knows_type
            ),
        )

    async def UpdateCustomField(self, request: rpc.UpdateCustomFieldRequest, _context: Any) -> pb.CustomField:
        message = request.custom_field
        values = CONVERSIONS.changes(message, request.update_mask, CustomField)
        return await self.change(
            request,
            lambda work: handlers.update_custom_field(message.id, message.etag, values, work, self._holdings),
        )

    async def DeleteCustomField(self, request: rpc.DeleteCustomFieldRequest, _context: Any) -> pb.CustomField:
        return await self.change(
            request,
            lambda work: handlers.retire_custom_field(request.id, request.etag, work, self._holdings),
        )

    async def UndeleteCustomField(
        self, request: rpc.UndeleteCustomFieldRequest, _context: Any
    ) -> pb.CustomField:
        return await self.change(
            request,
            lambda work: handlers.restore_custom_field(request.id, request.etag, work, self._holdings),
        )
