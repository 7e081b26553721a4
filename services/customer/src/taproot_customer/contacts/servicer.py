"""gRPC of contacts: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import contact_pb2 as pb
from taproot.customer.v1 import contact_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.contacts import handlers, messages
from taproot_customer.contacts.handlers import CreateContact, UpdateContact
from taproot_customer.contacts.model import Contact
from taproot_customer.contacts.queries import RESOURCE
from taproot_customer.reading import listed, read_one
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields


class ContactsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._region = runtime.settings.default_region
        self._lists = Lists(runtime.page_key)

    async def GetContact(self, request: rpc.GetContactRequest, _context: Any) -> pb.Contact:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListContacts(self, request: rpc.ListContactsRequest, _context: Any) -> rpc.ListContactsResponse:
        async def query(reader: Reader) -> rpc.ListContactsResponse:
            page = await self._lists.page(reader, RESOURCE, listed(Contact), Contact, request)
            contacts = [messages.to_message(row) for row in page.rows]
            return rpc.ListContactsResponse(contacts=contacts, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateContacts(
        self, request: rpc.AggregateContactsRequest, _context: Any
    ) -> rpc.AggregateContactsResponse:
        async def query(reader: Reader) -> rpc.AggregateContactsResponse:
            rows = await aggregate(reader, RESOURCE, listed(Contact), Contact, request)
            return rpc.AggregateContactsResponse(rows=rows)

        return await self.read(query)

    async def CreateContact(self, request: rpc.CreateContactRequest, _context: Any) -> pb.Contact:
        message = request.contact
        messages.check_new(message)
        present = {field.name for field, _ in message.ListFields()}
        names = [name for name in messages.FIELDS if name in present]
        command = CreateContact(
            wire.optional_uuid(message.id),
            uuid.UUID(message.customer_id),
            messages.to_values(message, names, self._region),
            wire.optional_uuid(message.owner_id),
        )

        async def act(work: UnitOfWork) -> pb.Contact:
            return messages.to_message(await handlers.create_contact(command, work))

        return await self.once(request, act, self._read)

    async def UpdateContact(self, request: rpc.UpdateContactRequest, _context: Any) -> pb.Contact:
        message = request.contact
        names = changed_fields(message, request.update_mask)
        values = messages.to_values(message, names, self._region)
        command = UpdateContact(uuid.UUID(message.id), message.etag, values)

        async def act(work: UnitOfWork) -> pb.Contact:
            return messages.to_message(await handlers.update_contact(command, work))

        return await self.once(request, act, self._read)

    async def DeleteContact(self, request: rpc.DeleteContactRequest, _context: Any) -> pb.Contact:
        async def act(work: UnitOfWork) -> pb.Contact:
            return messages.to_message(
                await handlers.delete_contact(uuid.UUID(request.id), request.etag, work)
            )

        return await self.once(request, act, self._read)

    async def UndeleteContact(self, request: rpc.UndeleteContactRequest, _context: Any) -> pb.Contact:
        async def act(work: UnitOfWork) -> pb.Contact:
            return messages.to_message(await handlers.undelete_contact(uuid.UUID(request.id), work))

        return await self.once(request, act, self._read)

    async def _read(self, reader: Reader, key: str) -> pb.Contact:
        return messages.to_message(await read_one(reader, Contact, uuid.UUID(key)))
