"""One trace from an event of another service to the mail server."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from marketing_mailbox import Mailbox, serve
from marketing_world import World, eventually
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1.order_pb2 import Order


@pytest_asyncio.fixture(loop_scope="session")
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    server = await serve(box)
    yield box
    server.close()


async def test_one_trace_reaches_the_mail(start_service: Any, mailbox: Mailbox) -> None:
    trace.set_tracer_provider(TracerProvider())
    service = await start_service("marketing", smtp_url=mailbox.url, mail_poll_seconds=0.05)
    customer = await World(service).customer()
    placed = Order(id=str(uuid.uuid4()), number="O-1", customer_id=customer)
    event = service.event(
        "order.confirmed", OrderEvent(order=placed), placed.id, source="sales", party_id=customer
    )
    trace_id = uuid.uuid4().hex
    await service.publish(dataclasses.replace(event, traceparent=f"00-{trace_id}-{'1' * 16}-01"))

    async def arrived() -> bool:
        return bool(mailbox.mails)

    await eventually(arrived, 20)
    assert mailbox.mails[0]["X-Taproot-Traceparent"].split("-")[1] == trace_id
    (sent,) = [e for e in await service.events(1, of="delivery.sent") if str(e.party_id) == customer]
    assert sent.traceparent.split("-")[1] == trace_id
