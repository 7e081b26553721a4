from __future__ import annotations

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
from taproot_base.auth import Principal
from taproot_base.ids import new_id
from taproot_sales.customer_refs.queries import find_customer, same_customer
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
        await tell(sales, "merged", 2, root, merge, display_name="Survivor")
        assert (await known(sales, member))["display_name"] == "Survivor"
        async with sales.runtime.database.reading() as reader:
            assert set(await same_customer(reader, member)) == {root, member}
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

    async def test_grouping_by_customer(self, deals: Caller) -> None:
        answer = await deals.AggregateOpportunities(
            rpc.AggregateOpportunitiesRequest(group_by=["customer_id"])
        )
        assert len(answer.rows) == 3
