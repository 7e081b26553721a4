"""A customer's page is seen together with the customer, its lines only by those who may read what they tell of."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from sqlalchemy import insert

from taproot.customer.v1 import profile_service_pb2 as profile_rpc
from taproot.customer.v1 import timeline_service_pb2 as rpc
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub
from taproot.customer.v1.timeline_service_pb2_grpc import TimelineServiceStub
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1.order_pb2 import Order
from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot.servicedesk.v1.ticket_pb2 import TICKET_STATE_OPEN, Ticket
from taproot_base.ids import new_id
from taproot_customer.customers.model import customer_access
from taproot_testkit import branch_id

EAST, SHANGHAI, WEST = "/hq/e/", "/hq/e/sh/", "/hq/w/"
READS = {"customers.read": "all", "orders.read": "branch", "tickets.read": "branch"}


@pytest.fixture
def happen(service):
    """An order and a ticket of the customer, in a branch and of an owner."""

    async def tell(customer_id: str, branch: str, owner_id: str = "", **previous: str) -> tuple[str, str]:
        order = Order(id=str(new_id()), number="SO-1", customer_id=customer_id, branch_id=branch_id(branch))
        ticket = Ticket(
            id=str(new_id()),
            display_name="No hot water",
            state=TICKET_STATE_OPEN,
            branch_id=branch_id(branch),
        )
        order.owner_id = ticket.owner_id = owner_id
        for source, name, event in (
            ("sales", "order.confirmed", OrderEvent(order=order, **previous)),
            ("servicedesk", "ticket.created", TicketEvent(ticket=ticket, **previous)),
        ):
            record = order if source == "sales" else ticket
            made = service.event(name, event, record.id, source=source, party_id=customer_id)
            sent = dataclasses.replace(made, owner_id=uuid.UUID(owner_id) if owner_id else None)
            await service.deliver(sent, "timeline")
            await service.deliver(sent, "profile")
        return order.id, ticket.id

    return tell


@pytest.fixture
def seen(service):
    """What a caller finds on both: kinds of records on the timeline, sections of the profile."""

    async def look(customer_id: str, caller) -> tuple[set[str], set[str]]:
        request = rpc.ListTimelineEntriesRequest(customer_id=customer_id)
        listed = await service.stub(TimelineServiceStub, caller).ListTimelineEntries(request)
        page = await service.stub(ProfilesServiceStub, caller).GetCustomerProfile(
            profile_rpc.GetCustomerProfileRequest(id=customer_id)
        )
        sections = {name for name in ("orders", "tickets") if getattr(page, name)}
        lines = {entry.resource for entry in listed.timeline_entries} - {"customers"}
        assert {touch.resource for touch in page.touches} - {"customers"} == lines
        return lines, sections

    return look


BOTH = ({"orders", "tickets"}, {"orders", "tickets"})
NOTHING: tuple[set[str], set[str]] = (set(), set())


async def test_who_lacks_the_permission_sees_no_line_of_it(service, make_customer, happen, seen):
    customer = await make_customer()
    await happen(customer.id, SHANGHAI)
    assert await seen(customer.id, await service.add_user({"customers.read": "all"})) == NOTHING
    some = await service.add_user({"customers.read": "all", "tickets.read": "all"})
    assert await seen(customer.id, some) == ({"tickets"}, {"tickets"})


async def test_a_branch_sees_what_lies_in_it(service, make_customer, happen, seen):
    customer = await make_customer()
    await happen(customer.id, SHANGHAI)
    assert await seen(customer.id, await service.add_user(READS, SHANGHAI)) == BOTH
    assert await seen(customer.id, await service.add_user(READS, WEST)) == NOTHING
    below = {"customers.read": "all", "orders.read": "branch_and_below", "tickets.read": "own"}
    assert await seen(customer.id, await service.add_user(below, EAST)) == ({"orders"}, {"orders"})


async def test_who_owns_a_record_sees_its_lines(service, make_customer, happen, seen):
    customer = await make_customer()
    own = {"customers.read": "all", "orders.read": "own", "tickets.read": "own"}
    owner, other = await service.add_user(own, WEST), await service.add_user(own, WEST)
    await happen(customer.id, SHANGHAI, owner.subject)
    assert await seen(customer.id, owner) == BOTH
    assert await seen(customer.id, other) == NOTHING


async def test_the_home_branch_answers_for_its_customers(service, make_customer, happen, seen):
    maker = await service.add_user({"customers.*": "branch"}, WEST)
    home = await service.add_user({**READS, "customers.read": "branch_and_below"}, WEST)
    customer = await make_customer(by=maker)
    await happen(customer.id, SHANGHAI)
    assert await seen(customer.id, home) == BOTH
    assert await seen(customer.id, await service.add_user(READS, WEST)) == NOTHING


async def test_who_answers_for_the_customer_sees_all_it_may_read_anywhere(
    service, make_customer, happen, seen
):
    own = {"customers.*": "own", "orders.read": "own"}
    owner = await service.add_user(own, WEST)
    customer = await make_customer(by=owner)
    await happen(customer.id, SHANGHAI)
    assert await seen(customer.id, owner) == ({"orders"}, {"orders"})


@pytest.mark.parametrize("by", ["owner_id", "team_id", "branch_path"])
async def test_a_key_account_team_answers_too_a_branch_it_is_shared_with_does_not(
    service, make_customer, happen, seen, by: str
):
    team = str(new_id())
    member = await service.add_user(
        {"customers.read": "team", "orders.read": "team", "tickets.read": "team"}, WEST, teams=(team,)
    )
    reader = await service.add_user({**READS, "customers.read": "branch"}, WEST)
    customer = await make_customer()
    await happen(customer.id, SHANGHAI)
    share = {"owner_id": uuid.UUID(member.subject), "team_id": uuid.UUID(team), "branch_path": WEST}[by]
    with service.system_call():
        async with service.runtime.database.unit() as work:
            row = {"customer_id": uuid.UUID(customer.id), "id": new_id(), "level": "read", by: share}
            await work.execute(insert(customer_access).values(row))
    assert await seen(customer.id, reader if by == "branch_path" else member) == (
        NOTHING if by == "branch_path" else BOTH
    )


async def test_lines_follow_a_record_that_changes_hands(service, make_customer, happen, seen):
    customer = await make_customer()
    order = Order(id=str(new_id()), number="SO-2", customer_id=customer.id, branch_id=branch_id(SHANGHAI))
    here, there = await service.add_user(READS, SHANGHAI), await service.add_user(READS, WEST)
    first = service.event(
        "order.confirmed", OrderEvent(order=order), order.id, source="sales", party_id=customer.id
    )
    order.branch_id = branch_id(WEST)
    moved = OrderEvent(order=order, previous_branch_id=branch_id(SHANGHAI))
    then = service.event("order.updated", moved, order.id, version=2, source="sales", party_id=customer.id)
    for event in (first, then):
        await service.deliver(event, "timeline")
        await service.deliver(event, "profile")
    assert await seen(customer.id, there) == ({"orders"}, {"orders"})
    assert await seen(customer.id, here) == NOTHING
