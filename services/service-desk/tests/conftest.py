"""The service desk running in this process, with a clock the tests move."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2
from taproot.servicedesk.v1.ticket_pb2 import Ticket
from taproot.servicedesk.v1.ticket_service_pb2 import CreateTicketRequest
from taproot.servicedesk.v1.ticket_service_pb2_grpc import TicketsServiceStub
from taproot_base.auth import Principal
from taproot_base.clock import FakeClock
from taproot_base.errors import AppError
from taproot_base.ids import new_id
from taproot_testkit import Caller, Harness, branch_id

START = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""A Monday, 10:00 in Shanghai."""


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return FakeClock(START)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(start_service: Callable[..., Awaitable[Harness]], clock: FakeClock) -> Harness:
    return await start_service("servicedesk", clock=clock)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(desk: Harness) -> Principal:
    return await desk.admin()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tickets(desk: Harness, admin: Principal) -> Caller:
    return desk.stub(TicketsServiceStub, admin)


@pytest.fixture
def failure() -> Callable[[Awaitable[Any]], Awaitable[AppError]]:
    async def caught(call: Awaitable[Any]) -> AppError:
        with pytest.raises(AppError) as error:
            await call
        return error.value

    return caught


@pytest.fixture
def opened(tickets: Caller) -> Callable[..., Awaitable[Ticket]]:
    async def make(subject: str = "case", by: Caller | None = None, **values: Any) -> Ticket:
        request = CreateTicketRequest(ticket=Ticket(display_name=subject, **values))
        return await (by or tickets).CreateTicket(request)

    return make


@pytest.fixture
def known_customer(desk: Harness) -> Callable[..., Awaitable[str]]:
    """A customer as the customer service announces it; answers with its id."""
    versions: dict[str, int] = {}

    async def announce(
        name: str = "王芳",
        phone: str = "",
        *,
        key: str = "",
        branch: str = "/hq/e/sh/",
        event: str = "created",
        email: str = "wang@example.com",
        **values: Any,
    ) -> str:
        key = key or str(new_id())
        versions[key] = versions.get(key, 0) + 1
        identifiers = [customer_pb2.Identifier(kind=customer_pb2.IDENTIFIER_KIND_EMAIL, value=email)]
        if phone:
            kind = customer_pb2.IDENTIFIER_KIND_PHONE
            identifiers.append(customer_pb2.Identifier(kind=kind, value=phone))
        customer = customer_pb2.Customer(
            id=key,
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
            display_name=name,
            identifiers=identifiers,
            branch_id=branch_id(branch),
            language_code="zh-CN",
            **values,
        )
        message = CustomerEvent(customer=customer)
        await desk.deliver(
            desk.event(
                f"customer.{event}", message, key, version=versions[key], source="customer", party_id=key
            )
        )
        return key

    return announce


@pytest.fixture
def events_of(desk: Harness) -> Callable[..., Awaitable[list[Any]]]:
    """Events of one aggregate from the event log, in order: (type, payload)."""

    async def read(aggregate: str, kind: Any) -> list[tuple[str, Any]]:
        async with desk.runtime.database.reading() as reader:
            rows = await reader.connection.fetch(
                "SELECT type, payload FROM event_log WHERE aggregate_id = $1 ORDER BY version",
                uuid.UUID(aggregate),
            )
        return [(row["type"], kind.FromString(row["payload"])) for row in rows]

    return read
