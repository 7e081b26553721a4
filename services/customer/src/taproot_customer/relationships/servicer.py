"""gRPC of relationships: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import relationship_pb2 as pb
from taproot.customer.v1 import relationship_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.reading import listed, read_one
from taproot_customer.relationships import handlers, messages
from taproot_customer.relationships.handlers import CreateRelationship, UpdateRelationship
from taproot_customer.relationships.model import Relationship
from taproot_customer.relationships.queries import RESOURCE
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields


class RelationshipsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetRelationship(self, request: rpc.GetRelationshipRequest, _context: Any) -> pb.Relationship:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListRelationships(
        self, request: rpc.ListRelationshipsRequest, _context: Any
    ) -> rpc.ListRelationshipsResponse:
        async def query(reader: Reader) -> rpc.ListRelationshipsResponse:
            page = await self._lists.page(reader, RESOURCE, listed(Relationship), Relationship, request)
            relationships = [messages.to_message(row) for row in page.rows]
            return rpc.ListRelationshipsResponse(
                relationships=relationships, next_page_token=page.next_page_token
            )

        return await self.read(query)

    async def AggregateRelationships(
        self, request: rpc.AggregateRelationshipsRequest, _context: Any
    ) -> rpc.AggregateRelationshipsResponse:
        async def query(reader: Reader) -> rpc.AggregateRelationshipsResponse:
            rows = await aggregate(reader, RESOURCE, listed(Relationship), Relationship, request)
            return rpc.AggregateRelationshipsResponse(rows=rows)

        return await self.read(query)

    async def CreateRelationship(
        self, request: rpc.CreateRelationshipRequest, _context: Any
    ) -> pb.Relationship:
        message = request.relationship
        messages.check_new(message)
        present = {field.name for field, _ in message.ListFields()}
        values = messages.to_values(message, [name for name in messages.FIELDS if name in present])
        command = CreateRelationship(
            wire.optional_uuid(message.id),
            uuid.UUID(message.customer_id),
            uuid.UUID(message.related_customer_id),
            values,
            wire.optional_uuid(message.owner_id),
        )

        async def act(work: UnitOfWork) -> pb.Relationship:
            return messages.to_message(await handlers.create_relationship(command, work))

        return await self.once(request, act, self._read)

    async def UpdateRelationship(
        self, request: rpc.UpdateRelationshipRequest, _context: Any
    ) -> pb.Relationship:
        message = request.relationship
        values = messages.to_values(message, changed_fields(message, request.update_mask))
        command = UpdateRelationship(uuid.UUID(message.id), message.etag, values)

        async def act(work: UnitOfWork) -> pb.Relationship:
            return messages.to_message(await handlers.update_relationship(command, work))

        return await self.once(request, act, self._read)

    async def DeleteRelationship(
        self, request: rpc.DeleteRelationshipRequest, _context: Any
    ) -> pb.Relationship:
        async def act(work: UnitOfWork) -> pb.Relationship:
            key = uuid.UUID(request.id)
            return messages.to_message(await handlers.delete_relationship(key, request.etag, work))

        return await self.once(request, act, self._read)

    async def _read(self, reader: Reader, key: str) -> pb.Relationship:
        return messages.to_message(await read_one(reader, Relationship, uuid.UUID(key)))
