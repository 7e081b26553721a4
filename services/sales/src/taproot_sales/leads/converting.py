"""The customer of a lead that is converted: asked for at the customer service, before the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from taproot.customer.v1 import contact_pb2, contact_service_pb2, customer_pb2, customer_service_pb2
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.client import Peers, RemoteError
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, Kind
from taproot_base.wire import text_of
from taproot_sales.leads.model import CONVERTIBLE, LeadState, LeadWrongState


@dataclass(frozen=True)
class Party:
    """Who a lead belongs to. Both are None for a lead that is converted already: the answer needs neither."""

    customer_id: UUID | None = None
    contact_id: UUID | None = None


class CustomerFinder:
    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def party_of(self, lead: Any, named: UUID | None, *, known: bool) -> Party:
        """The customer named, or the one matched or made by the lead's data.

        `known`: this service knows the customer named.
        """
        if lead.state == LeadState.CONVERTED:
            return Party()
        if lead.state not in CONVERTIBLE:
            raise LeadWrongState("LEAD_NOT_CONVERTIBLE", lead.state, CONVERTIBLE)
        if named is not None:
            return Party(named if known else await self._check(named))
        request = customer_service_pb2.MatchOrCreateCustomerRequest(
            customer=customer_from(lead), request_id=_request_id(lead, "customer")
        )
        stub = CustomersServiceStub(self._peers.channel("customer"))
        answer = await self._peers.call(stub.MatchOrCreateCustomer, request)
        person = lead.company and lead.name and answer.created
        contact = await self._contact(lead, answer.customer_id) if person else None
        current_call().admitted.add(answer.customer_id)
        return Party(UUID(answer.customer_id), contact)

    async def _contact(self, lead: Any, customer_id: str) -> UUID | None:
        """The person at a new organisation; a caller who may not make contacts converts without."""
        contact = contact_pb2.Contact(
            customer_id=customer_id,
            display_name=lead.name,
            primary=True,
            identifiers=_identifiers(lead),
            language_code=lead.language_code,
        )
        request = contact_service_pb2.CreateContactRequest(
            contact=contact, request_id=_request_id(lead, "contact")
        )
        stub = ContactsServiceStub(self._peers.channel("customer"))
        try:
            return UUID((await self._peers.call(stub.CreateContact, request)).id)
        except RemoteError as error:
            if error.kind is not Kind.DENIED:
                raise
            return None

    async def _check(self, customer_id: UUID) -> UUID:
        """A customer made a moment ago may not have reached this service yet."""
        stub = CustomersServiceStub(self._peers.channel("customer"))
        request = customer_service_pb2.GetCustomerRequest(id=str(customer_id))
        try:
            return UUID((await self._peers.call(stub.GetCustomer, request)).id)
        except RemoteError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            raise InvalidArgument([("customer_id", "is not a customer")]) from error


def _request_id(lead: Any, made: str) -> str:
    """Parallel conversions and repeats ask for the same thing; a lead changed since then for another."""
    return f"lead:{lead.id}:{lead.version}:{made}"


def customer_from(lead: Any) -> customer_pb2.Customer:
    """What is known of the customer: an organisation when a company is named, else a person."""
    kind = customer_pb2.CUSTOMER_KIND_ORGANIZATION if lead.company else customer_pb2.CUSTOMER_KIND_PERSON
    return customer_pb2.Customer(
        kind=kind,
        display_name=lead.company or lead.name or lead.display_name,
        identifiers=_identifiers(lead),
        status=customer_pb2.CUSTOMER_STATUS_INTENT,
        region=lead.region,
        source=lead.source,
        language_code=lead.language_code,
        owner_id=text_of(lead.owner_id),
        branch_id=text_of(lead.branch_id),
    )


def _identifiers(lead: Any) -> list[customer_pb2.Identifier]:
    values = {
        customer_pb2.IDENTIFIER_KIND_PHONE: lead.phone,
        customer_pb2.IDENTIFIER_KIND_EMAIL: lead.email,
    }
    return [customer_pb2.Identifier(kind=kind, value=value) for kind, value in values.items() if value]
