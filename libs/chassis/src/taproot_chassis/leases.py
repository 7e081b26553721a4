"""Single-runner parts with any number of replicas: a PostgreSQL advisory lock is the lease.

The lock lives in one direct session per process. When that session dies the leases are gone,
so everything that ran under them is cancelled at once.
"""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg

from taproot_base import telemetry
from taproot_base.tasks import end

if TYPE_CHECKING:
    from taproot_storage.database import Database

RETRY_SECONDS = 1.0
_NAMESPACE = 0x7A70


class LeaseLost(Exception):
    """The session that held the lease has ended."""


class Leases:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None
        self._guard = asyncio.Lock()
        self.held: set[str] = set()

    async def _try_acquire(self, name: str) -> bool:
        async with self._guard:
            if self._connection is None or self._connection.is_closed():
                self.held.clear()
                self._connection = await self._database.connect_direct()
            if name in self.held:
                return False
            got = await self._connection.fetchval(
                "SELECT pg_try_advisory_lock($1, $2)", _NAMESPACE, _signed(zlib.crc32(name.encode()))
            )
            if got:
                self.held.add(name)
            return bool(got)

    async def _release(self, name: str) -> None:
        async with self._guard:
            if name in self.held:
                self.held.discard(name)
                if self._connection.is_closed():
                    return  # its leases went with it; an error here would swallow a cancellation
                key = _signed(zlib.crc32(name.encode()))
                await self._connection.fetchval("SELECT pg_advisory_unlock($1, $2)", _NAMESPACE, key)

    async def _watch(self) -> None:
        """Ends when the session that holds the leases is gone."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            async with self._guard:
                try:
                    await self._connection.fetchval("SELECT 1", timeout=10)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                    self._connection.terminate()
                    raise LeaseLost from error

    async def run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` for ever whenever this process holds the lease `name`. Ends only when cancelled."""
        while True:
            try:
                if await self._try_acquire(name):
                    try:
                        await self._run_held(work)
                    finally:
                        await self._release(name)
            except asyncio.CancelledError:
                raise
            except (LeaseLost, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                telemetry.logger.warning("lease_interrupted", lease=name, error=type(error).__name__)
            except Exception:
                telemetry.logger.exception("background_work_failed", lease=name)
            await asyncio.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  # jitter

    async def _run_held(self, work: Callable[[], Awaitable[None]]) -> None:
        tasks = {asyncio.ensure_future(work()), asyncio.ensure_future(self._watch())}
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close()


def _signed(value: int) -> int:
    return value - 2**32 if value >= 2**31 else value
