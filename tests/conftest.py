"""A whole Taproot for tests across services: the supervisor with everything in it, without demo data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from taproot_local.api import Client
from taproot_local.demo.cast import Cast, Mailbox
from taproot_local.demo.setting_up import set_up
from taproot_local.suite import Suite, running_suite


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    with running_suite() as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def admin(suite: Suite) -> AsyncIterator[Client]:
    async with suite.client() as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cast(suite: Suite, admin: Client) -> Cast:
    """The demo enterprise without customers, and its people."""
    await set_up(admin)
    return Cast(admin, Mailbox(admin, suite.mail_url))
