"""The projection of customers: newest state wins, merges are followed, a rebuild gives the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2
from taproot.customer.v1.customer_share_pb2 import CUSTOMER_SHARE_LEVEL_READ, CustomerShare
from taproot.servicedesk.v1.call_service_pb2 import IdentifyCallerRequest
from taproot.servicedesk.v1.call_service_pb2_grpc import CallsServiceStub
from taproot.servicedesk.v1.ticket_service_pb2 import (
    AggregateTicketsRequest,
    GetTicketRequest,
    ListTicketsRequest,
)
from taproot.servicedesk.v1.ticket_service_pb2_grpc import TicketsServiceStub
from taproot_base.auth import Principal
from taproot_base.ids import new_id
from taproot_servicedesk.customer_refs.queries import find_customer, only_customer_of
from taproot_testkit import Harness, branch_id


def state(key: str, name: str, phone: str = "138 0013 8000") -> CustomerEvent:
    return CustomerEvent(
        customer=customer_pb2.Customer(
            id=key,
            display_name=name,
            time_zone="Nowhere/City",
            branch_id=branch_id("/hq/w/"),
            identifiers=[customer_pb2.Identifier(kind=customer_pb2.IDENTIFIER_KIND_PHONE, value=phone)],
        )
    )


async def rows(desk: Harness) -> list[Any]:
    async with desk.runtime.database.reading() as reader:
        found = await reader.connection.fetch("SELECT to_jsonb(c) AS row FROM customer_refs c ORDER BY id")
    return [row["row"] for row in found]


async def test_an_older_event_changes_nothing(desk: Harness) -> None:
    key = str(new_id())
    new = desk.event("customer.updated", state(key, "new"), key, version=3, source="customer")
    old = desk.event("customer.created", state(key, "old"), key, version=1, source="customer")
    await desk.deliver(new)
    await desk.deliver(old)
    [row] = [row for row in await rows(desk) if row["id"] == key]
    assert (row["display_name"], row["phones"], row["branch_path"]) == ("new", ["+8613800138000"], "/hq/w/")
    assert row["time_zone"] == ""


async def test_a_share_lets_its_holder_identify_the_caller_until_it_ends(desk: Harness) -> None:
    agent = await desk.add_user({"calls.*": "branch", "customers.read": "branch"}, "/hq/e/sh/")
    calls, key = desk.stub(CallsServiceStub, agent), str(new_id())

    async def known() -> list[str]:
        found = await calls.IdentifyCaller(IdentifyCallerRequest(phone="13700137000"))
        return [one.customer_id for one in found.candidates]

    async def told(version: int, *shares: CustomerShare) -> None:
        event = state(key, key, "137 0013 7000")
        event.shares.extend(shares)
        await desk.deliver(desk.event("customer.shared", event, key, version=version, source="customer"))

    def share(seconds: int = 0, **holder: str) -> CustomerShare:
        made = CustomerShare(id=str(new_id()), level=CUSTOMER_SHARE_LEVEL_READ, **holder)
        if seconds:
            made.expire_time.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
        return made

    await told(1)
    assert await known() == []
    await told(2, share(user_id=agent.subject))
    assert await known() == [key]
    await told(3, share(-1, user_id=agent.subject), share(branch_id=branch_id("/hq/w/")))
    assert await known() == []
    await told(4, share(3600, branch_id=branch_id("/hq/e/sh/")))
    assert await known() == [key]
    await told(5)
    assert await known() == []


async def test_merge_and_unmerge(desk: Harness) -> None:
    one, two = str(new_id()), str(new_id())
    for key in (one, two):
        created = state(key, key, "139 0013 9000")
        await desk.deliver(desk.event("customer.created", created, key, source="customer"))
    async with desk.runtime.database.reading() as reader:
        assert await only_customer_of(reader, "+8613900139000") is None
    merged = state(one, one, "139 0013 9000")
    merged.customer.merged_ids.append(two)
    await desk.deliver(desk.event("customer.merged", merged, one, version=2, source="customer"))
    async with desk.runtime.database.reading() as reader:
        assert str(await only_customer_of(reader, "+8613900139000")) == one
        known = await find_customer(reader, UUID(two))
    assert known is not None
    assert {str(member) for member in known.members} == {one, two}
    del merged.customer.merged_ids[:]
    await desk.deliver(desk.event("customer.unmerged", merged, one, version=3, source="customer"))
    async with desk.runtime.database.reading() as reader:
        assert await only_customer_of(reader, "+8613900139000") is None


async def test_lists_by_customer_hold_for_those_merged_into_it(
    desk: Harness, tickets, opened, known_customer
) -> None:
    old, survivor, other = await known_customer(), await known_customer(), await known_customer()
    theirs = [(await opened(customer_id=key)).id for key in (old, survivor)]
    await opened(customer_id=other)
    loose = await opened()

    async def listed(text: str) -> set[str]:
        page = await tickets.ListTickets(ListTicketsRequest(filter=text, page_size=1000))
        return {ticket.id for ticket in page.tickets}

    assert await listed(f'customer_id = "{survivor}"') == {theirs[1]}
    await known_customer(key=survivor, event="merged", merged_ids=[old])
    assert await listed(f'customer_id = "{survivor}"') == set(theirs)
    assert await listed(f'customer_id = "{old}"') == set(theirs)
    for key in (old, survivor):
        portal = desk.stub(TicketsServiceStub, Principal(subject=key, kind="portal", party_id=key))
        page = await portal.ListTickets(ListTicketsRequest())
        assert {ticket.id for ticket in page.tickets} == set(theirs)
        assert [(await portal.GetTicket(GetTicketRequest(id=one))).id for one in theirs] == theirs
    others = await listed(f'customer_id != "{survivor}"')
    assert others.isdisjoint(theirs)
    assert loose.id in others
    unknown = str(new_id())
    lone = await opened(customer_id=unknown)
    assert await listed(f'customer_id = "{unknown}"') == {lone.id}
    counted = await tickets.AggregateTickets(
        AggregateTicketsRequest(filter=f'customer_id = "{survivor}"', group_by=["customer_id"])
    )
    assert {row.keys[0] for row in counted.rows} == {old, survivor}


async def test_the_same_events_give_the_same_rows(desk: Harness) -> None:
    events = []
    for number in range(20):
        key = str(new_id())
        for version in range(1, 4):
            change = state(key, f"{number}.{version}", f"137000{number:05d}")
            events.append(desk.event("customer.updated", change, key, version=version, source="customer"))
    for event in events:
        await desk.deliver(event)
    before = await rows(desk)
    with desk.system_call():
        async with desk.runtime.database.unit() as work:
            await work.connection.execute("DELETE FROM inbox WHERE consumer = 'customers:customer'")
    for event in reversed(events):
        await desk.deliver(event)
    assert await rows(desk) == before
