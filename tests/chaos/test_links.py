"""The relays between the services do what their names say, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from chaoskit.links import Link


@pytest_asyncio.fixture
async def link() -> AsyncIterator[Link]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    found = Link("echo", lambda: server.sockets[0].getsockname()[1])
    await found.open()
    yield found
    await found.close()
    server.close()
    await asyncio.wait_for(ended.wait(), 5)


async def said(link: Link, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    try:
        writer.write(text)
        return await asyncio.wait_for(reader.readexactly(len(text)), 5)
    finally:
        writer.close()


async def test_passes_everything_on(link: Link) -> None:
    text = bytes(range(256)) * 2000
    assert await said(link, text) == text


async def test_a_slow_one_keeps_the_order(link: Link) -> None:
    link.delay = 0.05
    begun = time.monotonic()
    text = b"".join(b"%06d" % number for number in range(20_000))
    assert await said(link, text) == text
    assert time.monotonic() - begun >= 0.1


async def test_what_a_slow_one_holds_is_not_overtaken_when_it_heals(link: Link) -> None:
    link.delay = 0.3
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(b"first ")
    await asyncio.sleep(0.05)
    link.heal()
    writer.write(b"second")
    assert await asyncio.wait_for(reader.readexactly(12), 5) == b"first second"
    writer.close()


async def test_a_cut_one_resets_and_refuses_until_healed(link: Link) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    link.break_off()
    with suppress(ConnectionError):
        assert await reader.read(1) == b""
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await said(link, b"b")
    link.heal()
    assert await said(link, b"c") == b"c"
    writer.close()


async def test_a_stalled_one_holds_back_and_loses_nothing(link: Link) -> None:
    link.stall(stalled=True)
    task = asyncio.ensure_future(said(link, b"late"))
    done, _ = await asyncio.wait({task}, timeout=0.2)
    assert not done
    link.heal()
    assert await task == b"late"
