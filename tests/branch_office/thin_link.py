"""A thin and unreliable line between a branch office and the gateway, as a TCP proxy on the loopback interface.

Each direction carries `bits_per_second`, delivers after `delay_seconds` and loses packets. TCP hides a loss from
its users: the lost packet and all behind it come a retransmission later, which is how it is modelled here.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PACKET = 1400
"""Bytes that travel together."""


@dataclass
class ThinLink:
    """`cut_after`: how many more answers are swallowed together with their connection, one after the other."""

    host: str
    port: int
    bits_per_second: int = 256_000
    delay_seconds: float = 0.3
    loss: float = 0.02
    seed: int = 1
    cut_answers: int = 0
    lost: int = 0
    """Packets lost so far."""
    _chances: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chances = random.Random(self.seed)  # repeatable, no secret

    async def carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection of the office."""
        await asyncio.sleep(2 * self.delay_seconds)  # the handshake: there and back
        far, forth = await asyncio.open_connection(self.host, self.port)
        try:
            await asyncio.gather(self._pass(near, forth, answers=False), self._pass(far, back, answers=True))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            for writer in (forth, back):
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.ensure_future(_deliver(waiting, target))
        free = loop.time()
        try:
            while packet := await source.read(PACKET):
                if answers and self.cut_answers:
                    self.cut_answers -= 1
                    raise ConnectionResetError
                free = max(free, loop.time()) + len(packet) * 8 / self.bits_per_second
                while self._chances.random() < self.loss:
                    self.lost += 1
                    free += 2 * self.delay_seconds  # noticed and sent again
                await waiting.put((free + self.delay_seconds, packet))
            await waiting.put((free + self.delay_seconds, b""))
            await delivery
        finally:
            delivery.cancel()


async def _deliver(waiting: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, packet = await waiting.get()
        await asyncio.sleep(max(0.0, due - loop.time()))
        if not packet:
            with contextlib.suppress(OSError):
                target.write_eof()
            return
        target.write(packet)
        await target.drain()


@asynccontextmanager
async def thin_link(host: str, port: int, **how: float) -> AsyncIterator[tuple[str, ThinLink]]:
    """The office's end as a URL, and the line."""
    link = ThinLink(host, port, **how)  # type: ignore[arg-type]
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await link.carry(reader, writer)
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", link
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
