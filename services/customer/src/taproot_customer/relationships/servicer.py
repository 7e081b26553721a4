"""gRPC of relationships: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import relationship_pb2 as pb
from taproot.customer.v1 import relationship_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_customer.relationships import handlers, messages
from taproot_customer.relationships.model import Relationship
from taproot_customer.relationships.queries import SHELF
from taproot_customer.settings import CustomerSettings
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given

BY_VERB = {"branch_id": "AssignCustomer"}


class RelationshipsServicer(ResourceServicer[pb.Relationship]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetRelationship(self, request: rpc.GetRelationshipRequest, _context: Any) -> pb.Relationship:
        return await self.get(request.id)

    async def ListRelationships(
        self, request: rpc.ListRelationshipsRequest, _context: Any
    ) -> rpc.ListRelationshipsResponse:
        return await self.page(request, rpc.ListRelationshipsResponse, "relationships")

    async def AggregateRelationships(
        self, request: rpc.AggregateRelationshipsRequest, _context: Any
    ) -> rpc.AggregateRelationshipsResponse:
        return await self.aggregate(request, rpc.AggregateRelationshipsResponse)

    async def CreateRelationship(
        self, request: rpc.CreateRelationshipRequest, _context: Any
    ) -> pb.Relationship:
        message = request.relationship
        messages.check_new(message)
        values = given(message, Relationship)
        return await self.change(request, lambda work: handlers.create_relationship(message.id, values, work))

    async def UpdateRelationship(
        self, request: rpc.UpdateRelationshipRequest, _context: Any
    ) -> pb.Relationship:
        message = request.relationship
        values = changes(message, request.update_mask, Relationship, BY_VERB)
        return await self.change(
            request, lambda work: handlers.update_relationship(message.id, message.etag, values, work)
        )

    async def DeleteRelationship(
        self, request: rpc.DeleteRelationshipRequest, _context: Any
    ) -> pb.Relationship:
        return await self.change(
            request, lambda work: handlers.delete_relationship(request.id, request.etag, work)
        )
