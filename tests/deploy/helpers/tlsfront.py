"""TLS with client certificates before a PostgreSQL that has none, by PostgreSQL's own protocol (SSLRequest)."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@asynccontextmanager
async def tls_front(port: int, certificate: Path) -> AsyncIterator[int]:
    """Listens at the port it answers with; connections without TLS or without a certificate are closed."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate / "ca.crt")
    context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
    context.verify_mode = ssl.CERT_REQUIRED
    going: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going.add(task := asyncio.current_task())  # type: ignore[arg-type]  # within a task
        with suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(8) == SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(context)
                await _join(reader, writer, port)
        writer.close()
        going.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in [*going]:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)
    ways = [
        asyncio.ensure_future(_pump(reader, back_writer)),
        asyncio.ensure_future(_pump(back_reader, writer)),
    ]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    back_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65536):
        writer.write(part)
        await writer.drain()
