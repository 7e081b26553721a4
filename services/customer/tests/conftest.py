"""One customer service per test module, and customers to hang records on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.errors import AppError
from taproot_testkit import Harness

MakeCustomer = Callable[..., Awaitable[pb.Customer]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service: Any) -> Harness:
    harness: Harness = await start_service("customer")
    return harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(service: Harness) -> Any:
    return await service.admin()


@pytest.fixture
def make_customer(service: Harness, admin: Any) -> MakeCustomer:
    stub = service.stub(CustomersServiceStub, admin)

    async def make(name: str = "海尔集团", *, by: Any = None, kind: Any = None, **values: Any) -> pb.Customer:
        customer = pb.Customer(kind=kind or pb.CUSTOMER_KIND_ORGANIZATION, display_name=name, **values)
        caller = service.stub(CustomersServiceStub, by) if by else stub
        made: pb.Customer = await caller.CreateCustomer(rpc.CreateCustomerRequest(customer=customer))
        return made

    return make


@pytest.fixture
def failure() -> Callable[[Awaitable[Any]], Awaitable[AppError]]:
    async def caught(call: Awaitable[Any]) -> AppError:
        with pytest.raises(AppError) as found:
            await call
        return found.value

    return caught
