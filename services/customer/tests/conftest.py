"""One customer service per test module, and customers to hang records on."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.errors import AppError
from taproot_storage.database import Reader
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


class Plans:
    """How PostgreSQL would read some tables. They are empty here, so it is forbidden to read them from end to end."""

    def __init__(self, *tables: str) -> None:
        self.tables = tables
        self.found: list[dict[str, Any]] = []

    async def explain(self, reader: Reader, prepared: Any, values: dict[str, Any]) -> None:
        if any(f"FROM {table}" in prepared.text for table in self.tables):
            async with reader.connection.transaction():
                await reader.connection.execute("SET LOCAL enable_seqscan = off")
                text = f"EXPLAIN (FORMAT JSON) {prepared.text}"
                answer = await reader.connection.fetchval(text, *prepared.arguments(values))
            self.found.append((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"])

    def nodes(self) -> list[dict[str, Any]]:
        return [node for plan in self.found for node in _nodes(plan)]

    def read_whole(self) -> list[Any]:
        return [node for node in self.nodes() if node["Node Type"] == "Seq Scan"]

    def indexes(self) -> set[str | None]:
        return {node.get("Index Name") for node in self.nodes()}


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


@pytest.fixture
def explaining(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plans]:
    """Explains what is read from the tables named, from now on."""

    def begin(*tables: str) -> Plans:
        plans = Plans(*tables)
        fetch = Reader.fetch

        async def explained(self: Reader, statement: Any, **values: Any) -> Any:
            await plans.explain(self, self._prepare(statement), values)
            return await fetch(self, statement, **values)

        monkeypatch.setattr(Reader, "fetch", explained)
        return plans

    return begin
