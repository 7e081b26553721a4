from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parent))  # the helpers beside the tests

from marketing_world import START, World

from taproot_base.clock import FakeClock
from taproot_testkit import Harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service: Any) -> Harness:
    """The marketing service without a mail server, on a clock that tests move."""
    return await start_service("marketing", clock=FakeClock(START))


@pytest.fixture
def world(service: Harness) -> World:
    return World(service)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(service: Harness) -> Any:
    return await service.admin()
