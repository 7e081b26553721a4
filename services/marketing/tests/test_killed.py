"""The service as a process, killed in the middle of a mail."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from marketing_mailbox import Mailbox, serve
from marketing_world import World, eventually

from taproot_marketing.customer_refs.queries import find_customer
from taproot_marketing.deliveries.handlers import Order, enqueue
from taproot_marketing.deliveries.sending import report_lost
from taproot_marketing.templates.queries import find_by_key
from taproot_testkit import Harness


@pytest_asyncio.fixture(loop_scope="session")
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    server = await serve(box)
    yield box
    server.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def quiet(start_service: Any) -> Harness:
    """A replica that sends nothing."""
    return await start_service("marketing")


async def start(service: Harness, mailbox: Mailbox) -> asyncio.subprocess.Process:
    settings = service.runtime.settings
    environment = os.environ | {
        "TAPROOT_DATABASE_URL": settings.database_url,
        "TAPROOT_NATS_URL": settings.nats_url,
        "TAPROOT_KEYS_DIR": str(settings.keys_dir),
        "TAPROOT_SMTP_URL": mailbox.url,
        "TAPROOT_MAIL_POLL_SECONDS": "0.05",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "taproot_marketing", env=environment, stdout=asyncio.subprocess.DEVNULL
    )


async def state_of(service: Harness, key: Any) -> str:
    async with service.runtime.database.reading() as reader:
        return str(await reader.connection.fetchval("SELECT state FROM deliveries WHERE id = $1", key))


async def order(service: Harness, customer: str) -> Any:
    with service.system_call():
        async with service.runtime.database.unit() as work:
            template = await find_by_key(work, "welcome")
            assert template is not None
            row = await find_customer(work, uuid.UUID(customer))
            return await enqueue(Order(f"kill:{customer}", "journey", template, "service", row), work)


async def test_a_process_killed_in_a_conversation_leaves_an_uncertain_mail_that_is_not_repeated(
    quiet: Harness, mailbox: Mailbox
) -> None:
    mailbox.gate = asyncio.Event()
    key = await order(quiet, await World(quiet).customer())
    victim = await start(quiet, mailbox)

    async def text_handed_over() -> bool:
        return mailbox.conversations == 1

    await eventually(text_handed_over, 30)
    os.kill(victim.pid, signal.SIGKILL)
    await victim.wait()
    assert await state_of(quiet, key) == "claimed"
    mailbox.gate.set()
    await asyncio.sleep(1.1)
    with quiet.system_call():
        await report_lost(quiet.runtime.database, 1)
    assert await state_of(quiet, key) == "uncertain"
    successor = await start(quiet, mailbox)
    other = await order(quiet, await World(quiet).customer())

    async def other_sent() -> bool:
        return await state_of(quiet, other) == "sent"

    await eventually(other_sent, 30)
    successor.terminate()
    await asyncio.wait_for(successor.wait(), 60)
    assert await state_of(quiet, key) == "uncertain"
    assert mailbox.conversations == 2
