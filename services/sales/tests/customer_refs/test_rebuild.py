"""A rebuilt projection equals the one fed live, and makes nothing happen."""

from __future__ import annotations

from typing import Any

import pytest_asyncio
from sqlalchemy import func, select

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_chassis import rebuild
from taproot_sales.customer_refs.model import CustomerRef
from taproot_storage.schema import event_log
from taproot_testkit import Harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def customers(start_service: Any) -> Harness:
    harness: Harness = await start_service("customer")
    return harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sales(start_service: Any, customers: Harness) -> Harness:
    harness: Harness = await start_service("sales", backends=f"customer={customers.address}")
    return harness


async def projection(sales: Harness) -> list[tuple[Any, ...]]:
    statement = select(CustomerRef.__table__).order_by(CustomerRef.id)
    async with sales.runtime.database.reading() as reader:
        return [tuple(row) for row in await reader.fetch(statement)]


async def told(sales: Harness) -> int:
    async with sales.runtime.database.reading() as reader:
        return int(await reader.fetch_value(select(func.count()).select_from(event_log)))


class TestRebuild:
    async def test_equals_the_projection_fed_live(self, sales: Harness, customers: Harness) -> None:
        stub = customers.stub(CustomersServiceStub, await customers.admin())
        for number in range(20):
            customer = pb.Customer(kind=pb.CUSTOMER_KIND_PERSON, display_name=f"Person {number}")
            made = await stub.CreateCustomer(rpc.CreateCustomerRequest(customer=customer))
            change = pb.Customer(id=made.id, value_class="ABC"[number % 3])
            await stub.UpdateCustomer(rpc.UpdateCustomerRequest(customer=change))
            if number % 5 == 0:
                await stub.DeleteCustomer(rpc.DeleteCustomerRequest(id=made.id))
        for event in await customers.events(44, of="customer.*"):
            await sales.deliver(event)
        live, before = await projection(sales), await told(sales)
        assert len(live) == 20
        consumers = [c for c in sales.process.consumers if c.subscription.name == "customer-refs"]
        with sales.system_call():
            fed = await rebuild.rebuild(consumers, sales.runtime.database, sales.runtime.peers)
        assert fed == 44
        assert await projection(sales) == live
        assert await told(sales) == before
