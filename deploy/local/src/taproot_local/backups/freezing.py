"""One point in the time of all databases: their event logs are closed for a moment, and meanwhile a snapshot is taken of each.

Services hear of each other's changes by events and by calls that end in events. While no event can be written
anywhere, no effect can be committed whose cause is not: the snapshots hold no event's effect without the event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from taproot_local.errors import LocalError

LOCK_TIMEOUT = "2s"
ATTEMPTS = 15
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Point:
    """`snapshots`: service -> what pg_dump reads by; `paused_seconds`: how long writers waited."""

    time: datetime
    snapshots: Mapping[str, str]
    paused_seconds: float


@asynccontextmanager
async def frozen(urls: Mapping[str, str]) -> AsyncIterator[Point]:
    """The snapshots live until the block ends; writers wait only while they are taken. `urls`: the owners'."""
    async with AsyncExitStack() as stack:
        readers = {name: await _connect(stack, url) for name, url in urls.items()}
        writers = {name: await _connect(stack, url) for name, url in urls.items()}
        yield await _agreed(readers, writers)


async def _agreed(readers: Mapping[str, Any], writers: Mapping[str, Any]) -> Point:
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(PAUSE_SECONDS)
        with suppress(asyncpg.LockNotAvailableError):
            return await _take(readers, writers)
    raise LocalError(
        "A long transaction keeps an event log open: no common point could be had. Try again later."
    )


async def _connect(stack: AsyncExitStack, url: str) -> Any:
    connection = await asyncpg.connect(url, timeout=20)
    stack.push_async_callback(connection.close)
    return connection


async def _take(readers: Mapping[str, Any], writers: Mapping[str, Any]) -> Point:
    begun = time.monotonic()
    try:
        await _all(_close(connection) for connection in writers.values())
        taken = await _all(_snapshot(connection) for connection in readers.values())
        instant: datetime = await next(iter(readers.values())).fetchval("SELECT clock_timestamp()")
    except BaseException:
        await _all(connection.execute("ROLLBACK") for connection in readers.values())
        raise
    finally:
        await _all(connection.execute("ROLLBACK") for connection in writers.values())
    return Point(instant, dict(zip(readers, taken, strict=True)), time.monotonic() - begun)


async def _close(connection: Any) -> None:
    """Waits for the writers that have begun; who comes later waits for us."""
    await connection.execute(f"BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    await connection.execute("LOCK TABLE ONLY event_log IN SHARE MODE")


async def _snapshot(connection: Any) -> str:
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return str(await connection.fetchval("SELECT pg_export_snapshot()"))


async def _all(work: Any) -> list[Any]:
    """All are awaited, so that none is cut off by another's failure."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return list(done)
