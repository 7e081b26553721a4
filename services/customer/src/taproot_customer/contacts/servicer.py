"""gRPC of contacts: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import contact_pb2 as pb
from taproot.customer.v1 import contact_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_customer.contacts import handlers, messages
from taproot_customer.contacts.model import Contact
from taproot_customer.contacts.queries import SHELF
from taproot_customer.recycling import delete_record, undelete_record
from taproot_customer.settings import CustomerSettings
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given

BY_VERB = {"branch_id": "AssignCustomer"}


class ContactsServicer(ResourceServicer[pb.Contact]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, SHELF)
        self._region = runtime.settings.default_region

    async def GetContact(self, request: rpc.GetContactRequest, _context: Any) -> pb.Contact:
        return await self.get(request.id)

    async def ListContacts(self, request: rpc.ListContactsRequest, _context: Any) -> rpc.ListContactsResponse:
        return await self.page(request, rpc.ListContactsResponse, "contacts")

    async def AggregateContacts(
        self, request: rpc.AggregateContactsRequest, _context: Any
    ) -> rpc.AggregateContactsResponse:
        return await self.aggregate(request, rpc.AggregateContactsResponse)

    async def CreateContact(self, request: rpc.CreateContactRequest, _context: Any) -> pb.Contact:
        messages.check_new(request.contact)
        values = messages.with_identifiers(given(request.contact, Contact), self._region)
        return await self.change(
            request, lambda work: handlers.create_contact(request.contact.id, values, work)
        )

    async def UpdateContact(self, request: rpc.UpdateContactRequest, _context: Any) -> pb.Contact:
        message = request.contact
        changed = changes(message, request.update_mask, Contact, BY_VERB)
        values = messages.with_identifiers(changed, self._region)
        return await self.change(
            request, lambda work: handlers.update_contact(message.id, message.etag, values, work)
        )

    async def DeleteContact(self, request: rpc.DeleteContactRequest, _context: Any) -> pb.Contact:
        return await self.change(request, lambda work: delete_record(Contact, request.id, request.etag, work))

    async def UndeleteContact(self, request: rpc.UndeleteContactRequest, _context: Any) -> pb.Contact:
        return await self.change(request, lambda work: undelete_record(Contact, request.id, work))
