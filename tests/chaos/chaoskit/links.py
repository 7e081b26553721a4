"""Connections that can be made slow, cut and stalled: one small TCP relay for each pair of neighbours."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

HOST = "127.0.0.1"


class _End(asyncio.Protocol):
    """One side of a relayed connection; what it receives goes to the other side."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.transport: Any = None
        self.other: _End | None = None
        self._late: deque[bytes] = deque()
        """What is on its way here, in order; an empty piece ends the connection."""
        self._due = 0.0
        self._held: list[bytes] = []
        """Came although reading was paused: Python before 3.11.4 forgets a pause as early as this one."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.link.ends.add(self)
        transport.pause_reading()  # until both sides are there

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.link.stalled:
            self._held.append(data)
        else:
            self.other.take(data)

    def take(self, data: bytes) -> None:
        """Write it after the link's delay, and never before what was sent earlier over a slower link."""
        loop = asyncio.get_running_loop()
        if self.link.delay == 0.0 and not self._late:
            self._write(data)
            return
        self._due = max(self._due, loop.time() + self.link.delay)
        self._late.append(data)
        loop.call_at(self._due, self._write_next)

    def _write_next(self) -> None:
        self._write(self._late.popleft())

    def _write(self, data: bytes) -> None:
        if not data:
            self.transport.close()
        elif not self.transport.is_closing():
            self.transport.write(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        self.link.ends.discard(self)
        if self.other is not None:
            self.other.take(b"")

    def join(self, other: _End) -> None:
        self.other = other
        if not self.link.stalled:
            self.resume()

    def resume(self) -> None:
        """Pass on what was held back, and read on."""
        if self.other is None or self.transport.is_closing():
            return
        held, self._held = self._held, []
        for data in held:
            self.other.take(data)
        self.transport.resume_reading()

    def pause(self) -> None:
        if self.other is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Link:
    """Listens on a port of its own and relays to `port()`, asked anew for each connection."""

    def __init__(self, name: str, port: Callable[[], int]) -> None:
        self.name = name
        self.delay = 0.0
        self.cut = False
        self.stalled = False
        self.ends: set[_End] = set()
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._accept, HOST, 0)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for end in [*self.ends]:
            end.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_off(self) -> None:
        """Reset every connection and refuse new ones."""
        self.cut = True
        for end in [*self.ends]:
            end.abort()

    def stall(self, stalled: bool) -> None:
        self.stalled = stalled
        for end in [*self.ends]:
            (end.pause if stalled else end.resume)()

    def heal(self) -> None:
        self.delay, self.cut = 0.0, False
        if self.stalled:
            self.stall(stalled=False)

    def _accept(self) -> _End:
        near = _End(self)
        task = asyncio.ensure_future(self._connect(near))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return near

    async def _connect(self, near: _End) -> None:
        await asyncio.sleep(0)  # asyncio tells `near` of its transport first
        if self.cut:
            near.abort()
            return
        try:
            far = _End(self)
            await asyncio.get_running_loop().create_connection(lambda: far, HOST, self._port())
        except (OSError, ValueError, KeyError):
            near.abort()
            return
        if self.cut or near.transport.is_closing():
            near.abort()
            far.abort()
            return
        near.join(far)
        far.join(near)
