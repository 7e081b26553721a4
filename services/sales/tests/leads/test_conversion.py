"""Leads become customers and opportunities, with the customer service running."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.v1 import contact_service_pb2, customer_pb2, customer_service_pb2
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot.sales.v1 import lead_pb2 as pb
from taproot.sales.v1 import lead_service_pb2 as rpc
from taproot.sales.v1 import opportunity_service_pb2 as deal_rpc
from taproot.sales.v1.lead_service_pb2_grpc import LeadsServiceStub
from taproot.sales.v1.opportunity_service_pb2_grpc import OpportunitiesServiceStub
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.clock import FakeClock
from taproot_base.errors import AppError, Kind
from taproot_testkit import Caller, Harness, branch_id

WINNERS = 8


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def customers(start_service: Any) -> Harness:
    harness: Harness = await start_service("customer")
    return harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sales(start_service: Any, customers: Harness, clock: FakeClock) -> Harness:
    harness: Harness = await start_service("sales", clock=clock, backends=f"customer={customers.address}")
    return harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(sales: Harness, customers: Harness) -> Principal:
    """Both services must know the role: the caller's token is passed on."""
    principal = await sales.admin()
    return await share(customers, principal)


async def share(customers: Harness, principal: Principal) -> Principal:
    from taproot.identity.events.v1.role_event_pb2 import RoleEvent
    from taproot.identity.events.v1.user_event_pb2 import UserEvent
    from taproot.identity.v1.role_pb2 import DATA_SCOPE_ALL, Grant, Role
    from taproot.identity.v1.user_pb2 import USER_STATE_ACTIVE, User

    role_id = principal.roles[0].id
    role = Role(id=role_id, version=1, grants=[Grant(permission="*", scope=DATA_SCOPE_ALL)])
    await customers.identity("role.created", role_id, 1, RoleEvent(role=role, version=1))
    user = User(
        id=principal.subject, display_name="T", state=USER_STATE_ACTIVE, branch_id=principal.branch_id or ""
    )
    await customers.identity("user.created", principal.subject, 1, UserEvent(user=user, version=1))
    return principal


@pytest.fixture
def leads(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(LeadsServiceStub, admin)


@pytest.fixture
def deals(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(OpportunitiesServiceStub, admin)


async def verified(leads: Caller, **values: Any) -> pb.Lead:
    number = uuid.uuid4().int % 10**8
    usual: dict[str, Any] = {
        "name": "Li Wei",
        "company": "Acme Trading",
        "phone": f"+86138{number:08d}",
        "product_interest": "router",
        "region": "east",
        "source": "fair",
        "estimated_amount": Money(currency_code="CNY", amount="5000"),
        "branch_id": branch_id("/hq/e/sh/"),
    }
    message = pb.Lead(**usual | values)
    lead = await leads.CreateLead(rpc.CreateLeadRequest(lead=message))
    confirmed = rpc.VerifyLeadRequest(id=lead.id, verification=pb.LEAD_VERIFICATION_CONFIRMED)
    found: pb.Lead = await leads.VerifyLead(confirmed)
    return found


async def convert(leads: Caller, lead: pb.Lead, request_id: str = "", **values: Any) -> pb.Lead:
    done: pb.Lead = await leads.ConvertLead(
        rpc.ConvertLeadRequest(id=lead.id, request_id=request_id, **values)
    )
    return done


async def refused(call: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


class TestConvert:
    async def test_nothing_is_typed_again(
        self, sales: Harness, customers: Harness, admin: Principal, leads: Caller, deals: Caller
    ) -> None:
        lead = await verified(leads)
        done = await convert(leads, lead)
        assert done.state == pb.LEAD_STATE_CONVERTED
        deal = await deals.GetOpportunity(deal_rpc.GetOpportunityRequest(id=done.opportunity_id))
        assert (deal.display_name, deal.customer_id, deal.lead_id) == (
            "Acme Trading - router", done.customer_id, lead.id,
        )  # fmt: skip
        assert (deal.amount.amount, deal.source, deal.region) == ("5000.00", "fair", "east")
        assert deal.branch_id == branch_id("/hq/e/sh/")
        seen = customers.stub(CustomersServiceStub, admin)
        customer = await seen.GetCustomer(customer_service_pb2.GetCustomerRequest(id=done.customer_id))
        assert customer.display_name == "Acme Trading"
        assert customer.kind == customer_pb2.CUSTOMER_KIND_ORGANIZATION
        assert customer.identifiers[0].value == lead.phone
        contacts = customers.stub(ContactsServiceStub, admin)
        contact = await contacts.GetContact(contact_service_pb2.GetContactRequest(id=deal.contact_id))
        assert (contact.display_name, contact.customer_id) == ("Li Wei", done.customer_id)
        (event,) = [e for e in await sales.events(1, of="lead.converted") if str(e.aggregate_id) == lead.id]
        assert str(event.party_id) == done.customer_id
        assert event.decode(LeadEvent).lead.opportunity_id == done.opportunity_id

    async def test_the_second_lead_of_a_person_finds_the_customer(self, leads: Caller) -> None:
        first = await verified(leads)
        second = await verified(leads, name="Wei Li", company="", phone=first.phone)
        assert (await convert(leads, first)).customer_id == (await convert(leads, second)).customer_id

    async def test_in_parallel_exactly_one_takes_effect(self, leads: Caller, deals: Caller) -> None:
        lead = await verified(leads)
        answers = await asyncio.gather(
            *(convert(leads, lead, request_id=uuid.uuid4().hex) for _ in range(WINNERS)),
            return_exceptions=True,
        )
        won = [answer for answer in answers if isinstance(answer, pb.Lead)]
        failed = [answer for answer in answers if isinstance(answer, AppError)]
        assert (len(won), len(failed)) == (1, WINNERS - 1)
        assert {error.reason for error in failed} == {"LEAD_NOT_CONVERTIBLE"}
        assert {error.metadata["allowed"] for error in failed} == {"ACCEPTED, NURTURING, QUALIFIED, VERIFIED"}
        made = await deals.ListOpportunities(
            deal_rpc.ListOpportunitiesRequest(filter=f'lead_id = "{lead.id}"')
        )
        assert [deal.id for deal in made.opportunities] == [won[0].opportunity_id]

    async def test_in_parallel_with_one_request_id_all_get_the_same_answer(self, leads: Caller) -> None:
        lead = await verified(leads)
        key = uuid.uuid4().hex
        answers = await asyncio.gather(*(convert(leads, lead, request_id=key) for _ in range(WINNERS)))
        assert len({answer.opportunity_id for answer in answers}) == 1
        assert (await convert(leads, lead, request_id=key)).opportunity_id == answers[0].opportunity_id

    async def test_a_new_lead_is_not_convertible_and_makes_no_customer(
        self, leads: Caller, customers: Harness, admin: Principal
    ) -> None:
        message = pb.Lead(name="Early", phone="+8613911112222")
        lead = await leads.CreateLead(rpc.CreateLeadRequest(lead=message, hold=True))
        error = await refused(convert(leads, lead))
        assert (error.kind, error.reason) == (Kind.STATE, "LEAD_NOT_CONVERTIBLE")
        seen = customers.stub(CustomersServiceStub, admin)
        page = await seen.ListCustomers(
            customer_service_pb2.ListCustomersRequest(filter='display_name = "Early"')
        )
        assert not page.customers

    async def test_to_a_customer_named(
        self, leads: Caller, customers: Harness, admin: Principal, deals: Caller
    ) -> None:
        seen = customers.stub(CustomersServiceStub, admin)
        customer = customer_pb2.Customer(
            kind=customer_pb2.CUSTOMER_KIND_ORGANIZATION, display_name="Known Ltd"
        )
        known = await seen.CreateCustomer(customer_service_pb2.CreateCustomerRequest(customer=customer))
        done = await convert(
            leads,
            await verified(leads),
            customer_id=known.id,
            opportunity_display_name="Big one",
            amount=Money(currency_code="EUR", amount="7.50"),
        )
        assert done.customer_id == known.id
        deal = await deals.GetOpportunity(deal_rpc.GetOpportunityRequest(id=done.opportunity_id))
        assert (deal.display_name, deal.amount.currency_code, deal.amount.amount) == (
            "Big one",
            "EUR",
            "7.50",
        )
        error = await refused(convert(leads, await verified(leads), customer_id=str(uuid.uuid4())))
        assert [v.field for v in error.violations] == ["customer_id"]


class TestWithoutTheCustomerService:
    async def test_nothing_has_changed(self, start_service: Any, clock: FakeClock) -> None:
        alone = await start_service("sales", clock=clock, backends="customer=127.0.0.1:1")
        leads = alone.stub(LeadsServiceStub, await alone.admin())
        lead = await verified(leads)
        assert (await refused(convert(leads, lead))).kind is Kind.UNAVAILABLE
        found = await leads.GetLead(rpc.GetLeadRequest(id=lead.id))
        assert (found.state, found.etag) == (pb.LEAD_STATE_VERIFIED, lead.etag)
