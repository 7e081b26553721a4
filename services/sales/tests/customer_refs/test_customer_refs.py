from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent, CustomerMerge
from taproot.customer.v1.customer_pb2 import (
    CUSTOMER_KIND_PERSON,
    IDENTIFIER_KIND_EMAIL,
    IDENTIFIER_KIND_PHONE,
    Customer,
    Identifier,
)
from taproot.sales.v1 import opportunity_pb2
from taproot.sales.v1 import opportunity_service_pb2 as rpc
from taproot.sales.v1.opportunity_service_pb2_grpc import OpportunitiesServiceStub
from taproot.sales.v1.order_service_pb2 import GetOrderRequest, ListOrdersRequest
from taproot_base.auth import Principal
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_sales.customer_refs.model import CUSTOMERS
from taproot_sales.customer_refs.queries import find_customer
from taproot_storage.schema import redirects
from taproot_testkit import Caller, Harness


@pytest.fixture
def deals(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(OpportunitiesServiceStub, admin)


async def tell(
    sales: Harness, name: str, version: int, key: Any, merge: CustomerMerge | None = None, **values: Any
) -> None:
    customer = Customer(id=str(key), kind=CUSTOMER_KIND_PERSON, **values)
    message = CustomerEvent(customer=customer, merge=merge)
    await sales.deliver(sales.event(f"customer.{name}", message, key, version=version, source="customer"))


async def known(sales: Harness, key: Any) -> Any:
    async with sales.runtime.database.reading() as reader:
        return await find_customer(reader, key)


async def customers_of(deals: Caller, key: Any) -> set[str]:
    page = await deals.ListOpportunities(rpc.ListOpportunitiesRequest(filter=f'customer_id = "{key}"'))
    return {deal.customer_id for deal in page.opportunities}


async def keys_after(sales: Harness, states: list[Any], seed: int, asked: Any) -> set[Any]:
    """Keys of the customer `asked` once the states (id, version, members) came in a random order."""
    random.Random(seed).shuffle(states)
    for key, version, members in states:
        await tell(sales, "updated", version, key, merged_ids=[str(member) for member in members])
    async with sales.runtime.database.reading() as reader:
        return set(await CUSTOMERS.keys(reader, asked))


class TestProjection:
    async def test_follows_and_ignores_what_is_older(self, sales: Harness) -> None:
        key = new_id()
        phones = [
            Identifier(kind=IDENTIFIER_KIND_PHONE, value="1"),
            Identifier(kind=IDENTIFIER_KIND_PHONE, value="2", primary=True),
            Identifier(kind=IDENTIFIER_KIND_EMAIL, value="a@b.example"),
        ]
        await tell(sales, "created", 1, key, display_name="First")
        await tell(sales, "updated", 3, key, display_name="Third", identifiers=phones, value_class="A")
        await tell(sales, "updated", 2, key, display_name="Second")
        row = await known(sales, key)
        assert (row["display_name"], row["phone"], row["email"], row["value_class"]) == (
            "Third", "2", "a@b.example", "A",
        )  # fmt: skip
        await tell(sales, "deleted", 4, key, display_name="Third")
        assert await known(sales, key) is None


class TestMerge:
    async def test_the_survivor_answers_until_it_is_undone(self, sales: Harness, deals: Caller) -> None:
        root, member, other = new_id(), new_id(), new_id()
        for key in (root, member, other):
            await tell(sales, "created", 1, key, display_name=f"C {key}")
            message = opportunity_pb2.Opportunity(display_name="D", customer_id=str(key))
            await deals.CreateOpportunity(rpc.CreateOpportunityRequest(opportunity=message))
        merge = CustomerMerge(merge_id=str(new_id()), source_ids=[str(member)])
        await tell(sales, "merged", 2, root, merge, display_name="Survivor", merged_ids=[str(member)])
        assert (await known(sales, member))["display_name"] == "Survivor"
        async with sales.runtime.database.reading() as reader:
            assert set(await CUSTOMERS.keys(reader, member)) == {root, member}
        both = {str(root), str(member)}
        assert await customers_of(deals, root) == await customers_of(deals, member) == both
        page = await deals.ListOpportunities(
            rpc.ListOpportunitiesRequest(filter=f'customer_id != "{member}"')
        )
        assert {deal.customer_id for deal in page.opportunities} == {str(other)}
        await tell(sales, "unmerged", 3, root, merge, display_name="Survivor")
        assert await customers_of(deals, root) == {str(root)}
        async with sales.runtime.database.reading() as reader:
            assert not await reader.fetch(select(redirects))

    @pytest.mark.parametrize("seed", range(6))
    async def test_chains_end_alike_whatever_the_order_of_the_events(self, sales: Harness, seed: int) -> None:
        a, b, c = (new_id() for _ in range(3))
        chained = [
            (a, 1, []), (b, 1, []), (c, 1, []),
            (b, 2, [a]), (a, 2, []), (b, 3, [a]), (c, 2, [b, a]),
        ]  # fmt: skip
        undone = [(c, 3, []), (b, 4, [a])]
        assert await keys_after(sales, chained, seed, a) == {a, b, c}
        assert await keys_after(sales, undone, seed, a) == {a, b}
        assert await keys_after(sales, [], seed, c) == {c}
        a, b, c = (new_id() for _ in range(3))
        whole = [(b, 2, [a]), (c, 2, [b, a]), (b, 3, [a]), (c, 3, []), (b, 4, [a])]
        assert await keys_after(sales, whole, seed, a) == {a, b}
        assert await keys_after(sales, [(b, 5, [])], seed, a) == {a}

    async def test_a_portal_customer_sees_what_stands_under_all_its_keys(
        self, selling: Any, failure: Any
    ) -> None:
        root, member, other = [await selling.customer() for _ in range(3)]
        theirs = {(await selling.order(key)).id for key in (root, member)}
        foreign = await selling.order(other)
        await selling.merge(root, member)
        for key in (root, member):
            own = selling.seen_by(Principal(subject=f"portal:{key}", kind="portal", party_id=key))
            page = await own.orders.ListOrders(ListOrdersRequest())
            assert {order.id for order in page.orders} == theirs
            for order in theirs:
                assert (await own.orders.GetOrder(GetOrderRequest(id=order))).id == order
            hidden = await failure(own.orders.GetOrder(GetOrderRequest(id=foreign.id)))
            assert hidden.kind is Kind.NOT_FOUND

    async def test_grouping_by_customer(self, deals: Caller) -> None:
        name = f"G{new_id()}"
        for count in (1, 2):
            customer_id = str(new_id())
            message = opportunity_pb2.Opportunity(display_name=name, customer_id=customer_id)
            for _ in range(count):
                await deals.CreateOpportunity(rpc.CreateOpportunityRequest(opportunity=message))
        answer = await deals.AggregateOpportunities(
            rpc.AggregateOpportunitiesRequest(
                filter=f'display_name = "{name}"', group_by=["customer_id"], measures=["count()"]
            )
        )
        assert sorted(row.values[0] for row in answer.rows) == ["1", "2"]

    async def test_an_aggregate_of_a_customer_counts_its_members_too(
        self, sales: Harness, deals: Caller
    ) -> None:
        root, member = new_id(), new_id()
        for key in (root, member):
            await tell(sales, "created", 1, key)
            message = opportunity_pb2.Opportunity(display_name="D", customer_id=str(key))
            await deals.CreateOpportunity(rpc.CreateOpportunityRequest(opportunity=message))
        await tell(sales, "merged", 2, root, merged_ids=[str(member)])
        answer = await deals.AggregateOpportunities(
            rpc.AggregateOpportunitiesRequest(filter=f'customer_id = "{root}"', measures=["count()"])
        )
        assert [list(row.values) for row in answer.rows] == [["2"]]
