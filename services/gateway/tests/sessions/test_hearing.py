"""A gateway that cannot hear of revocations remembers nobody for long.

In a module of its own: gateways beside it with databases of their own would share its consumers on one NATS.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from taproot_gateway.callers import REMEMBER_SECONDS
from taproot_gateway.revocations import BLIND_SECONDS, Revocations


class Heard:
    remember_seconds = 0.0

    def __init__(self) -> None:
        self.users: list[str] = []

    def forget_user(self, user_id: str) -> None:
        self.users.append(user_id)

    def forget_all(self) -> None:
        self.users.append("*")


async def test_a_gateway_that_hears_nothing_remembers_nobody_for_long(gateway: Any) -> None:
    database, heard = gateway.harness.runtime.database, Heard()
    revocations = Revocations(database, heard)  # type: ignore[arg-type]
    told: list[str] = []
    unsubscribe = revocations.subscribe(told.append)
    assert heard.remember_seconds == BLIND_SECONDS
    task = asyncio.create_task(revocations.run())
    try:
        await until(lambda: heard.remember_seconds == REMEMBER_SECONDS)
        made, _ = await gateway.user("heard-of")
        await until(lambda: made["id"] in told)
        before = len(told)
        await end_listeners(gateway)  # as when the database restarts
        await until(lambda: len(told) >= before + 2)  # it lost its ears, and has them again
        assert "" in told[before:]
        unsubscribe()
        count = len(told)
        await gateway.user("unheard-of")
        assert len(told) == count
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert heard.remember_seconds == BLIND_SECONDS


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def end_listeners(gateway: Any) -> None:
    connection = await gateway.harness.runtime.database.connect_direct()
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND (query LIKE '%taproot_principals%' OR query = 'SELECT 1')"
        )
    finally:
        await connection.close()
