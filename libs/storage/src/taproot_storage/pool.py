"""Connections of one process to its database, last used first.

asyncpg's own pool starts two tasks for each borrowing and wraps every call of the connection, which together
cost a third of a read by key. This one hands out the connections themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

Connection = Any
IDLE_SECONDS = 300.0


class Pool:
    """At most `size` connections, opened when they are needed and closed after five idle minutes."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._connect = connect
        self._size = size
        self._idle: deque[tuple[Connection, float]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._all: set[Connection] = set()
        self._places = size
        self._closed = False

    async def acquire(self, timeout: float) -> Connection:  # noqa: ASYNC109  # most borrowings never wait
        """Raises TimeoutError when all connections stay busy for that many seconds."""
        if self._places:
            self._places -= 1
        else:
            await self._wait(timeout)
        try:
            return self._reuse() or await self._open(timeout)
        except BaseException:
            self._give_place()
            raise

    def release(self, connection: Connection) -> None:
        """A connection that is closed, or still in a transaction, is not used again."""
        if self._closed or connection.is_closed() or connection.is_in_transaction():
            self._drop(connection)
        else:
            self._idle.append((connection, time.monotonic()))
            self._expire()
        self._give_place()

    async def close(self) -> None:
        self._closed = True
        self._idle.clear()
        for connection in [*self._all]:
            with suppress(Exception):
                await connection.close(timeout=2)
        self._all.clear()

    def _reuse(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._drop(connection)
        return None

    async def _open(self, timeout: float) -> Connection:  # noqa: ASYNC109  # handed on
        async with asyncio.timeout(timeout):
            connection = await self._connect()
        self._all.add(connection)
        return connection

    async def _wait(self, timeout: float) -> None:  # noqa: ASYNC109  # handed on
        """Whoever gives a place back hands it to the first who waits."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(timeout):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._give_place()  # it came while we gave up
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def _give_place(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._places += 1

    def _expire(self) -> None:
        connection, since = self._idle[0]
        if time.monotonic() - since > IDLE_SECONDS:
            self._idle.popleft()
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._all.discard(connection)
        connection.terminate()
