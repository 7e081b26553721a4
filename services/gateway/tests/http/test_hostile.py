"""Requests as no client makes them, over a real socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from taproot_gateway.http import exchange

GET = b"GET /v1/sessions/current HTTP/1.1\r\nhost: a\r\n"


async def exchange_raw(gateway: Any, *parts: bytes, seconds: float = 5.0) -> bytes:
    port = gateway.harness.runtime.settings.http_port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(4096), seconds)
    finally:
        writer.close()


@pytest.mark.parametrize(
    "request_",
    [
        GET + b"host: b\r\n\r\n",
        GET + b"authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n",
        b"POST /v1/teams HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n{}  ",
        b"POST /v1/teams HTTP/1.1\r\nhost: a\r\ncontent-length: +2\r\n\r\n{}",
        b"POST /v1/teams HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /v1/teams HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"GET /v1/teams HTTP/1.1\r\nhost: a\r\nx: 1\r\n folded\r\n\r\n",
        GET + b"idempotency-key: a\r\nidempotency-key: b\r\n\r\n",
    ],
)
async def test_what_two_servers_could_read_differently_is_refused(gateway: Any, request_: bytes) -> None:
    answer = await exchange_raw(gateway, request_)
    assert answer.startswith(b"HTTP/1.1 400"), answer


async def test_a_length_beside_chunks_never_leaves_a_second_request_behind(gateway: Any) -> None:
    """The classic CL.TE: what follows the last chunk must not be served as a request of the same connection."""
    hidden = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
    head = b"POST /v1/teams HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\ntransfer-encoding: chunked\r\n\r\n"
    port = gateway.harness.runtime.settings.http_port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head % (5 + len(hidden)) + b"0\r\n\r\n" + hidden)
    answer = await asyncio.wait_for(reader.read(-1), 5)
    writer.close()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"serving" not in answer


async def test_a_body_that_trickles_in_is_cut(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "READ_SECONDS", 0.3)
    token = f"authorization: Bearer {gateway.admin_token}\r\n".encode()
    head = b"POST /v1/teams HTTP/1.1\r\nhost: a\r\n" + token + b"content-length: 100\r\n\r\n{"
    assert (await exchange_raw(gateway, head)).startswith(b"HTTP/1.1 408")


async def test_a_large_body_over_a_thin_link_is_not(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "READ_SECONDS", 0.3)
    port = gateway.harness.runtime.settings.http_port
    token = f"authorization: Bearer {gateway.admin_token}\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /v1/teams HTTP/1.1\r\nhost: a\r\n" + token + b"content-length: 60000\r\n\r\n")
    for _ in range(6):
        writer.write(b" " * 10_000)
        await writer.drain()
        await asyncio.sleep(0.1)
    answer = await asyncio.wait_for(reader.read(4096), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400"), answer


@pytest.mark.parametrize("body", [b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 100_000])
async def test_deep_json_is_refused(gateway: Any, body: bytes) -> None:
    async with gateway.admin as client:
        answer = await client.post("/v1/teams", content=body)
    assert answer.status_code == 400


async def test_headers_without_an_end_are_refused(gateway: Any) -> None:
    answer = await exchange_raw(gateway, GET + b"x: " + b"a" * 70_000)
    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400")), answer
