"""The service on a clock that the tests move."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from taproot_base.clock import FakeClock
from taproot_testkit import Harness

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return FakeClock(START)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sales(start_service: Any, clock: FakeClock) -> Harness:
    harness: Harness = await start_service("sales", clock=clock)
    return harness
