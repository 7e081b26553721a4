"""One HTTP exchange over ASGI: reading with limits, answering with the headers every answer has."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

READ_SECONDS = 30.0
_COMPRESS_FROM = 1_000
# Above this, compressing would hold up the loop: it goes to a thread (zlib lets go of the interpreter's lock).
_THREAD_FROM = 32_000
_COMPRESSIBLE = ("application/json", "application/problem+json", "text/")

SECURITY_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
API_POLICY: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class BodyTooLarge(Exception):
    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes")


class BodyTooSlow(Exception):
    """The caller went away or sends too slowly."""


@dataclass(slots=True)
class Request:
    method: str
    path: str
    """Raw: still percent-encoded."""
    query: str
    headers: dict[str, str]
    scheme: str
    client: str
    receive: Receive

    @classmethod
    def read(cls, scope: Scope, receive: Receive, proxies: int) -> Request:
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1").lower()
            headers[key] = (
                f"{headers[key]}, {value.decode('latin-1')}" if key in headers else value.decode("latin-1")
            )
        raw = scope.get("raw_path") or scope["path"].encode()
        return cls(
            method=scope["method"],
            path=raw.decode("latin-1").partition("?")[0],
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
            scheme=scope.get("scheme", "http"),
            client=_client(scope, headers, proxies),
            receive=receive,
        )

    async def body(self, limit: int) -> bytes:
        declared = self.headers.get("content-length")
        if declared is None and self.method in ("GET", "HEAD"):
            return (
                b""  # asking the server for a body that is not there costs as much as the rest of the reading
            )
        declared = declared or "0"
        if not declared.isdigit() or int(declared) > limit:
            raise BodyTooLarge(limit)
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._chunks(limit)
        except TimeoutError:
            raise BodyTooSlow from None

    async def _chunks(self, limit: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise BodyTooSlow
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(limit)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks) if len(chunks) > 1 else chunk


def _client(scope: Scope, headers: dict[str, str], proxies: int) -> str:
    """Address of the caller. Only as many entries of X-Forwarded-For as there are proxies of ours are believed."""
    chain = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if 0 < proxies <= len(chain):
        return chain[-proxies]
    return str((scope.get("client") or ("",))[0])


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: list[Header] = field(default_factory=list)
    cache: bytes = b"no-store"
    policy: Header = API_POLICY


async def send_answer(send: Send, request: Request, answer: Answer, extra: Iterable[Header] = ()) -> None:
    body = answer.body
    headers = [*SECURITY_HEADERS, answer.policy, (b"cache-control", answer.cache), *answer.headers, *extra]
    if body or answer.status not in (204, 304):
        headers.append((b"content-type", answer.content_type.encode("latin-1")))
        body, encoding = await _compressed(request, answer)
        headers += [*encoding, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})


async def _compressed(request: Request, answer: Answer) -> tuple[bytes, list[Header]]:
    body = answer.body
    if len(body) < _COMPRESS_FROM or not answer.content_type.startswith(_COMPRESSIBLE):
        return body, []
    varies: list[Header] = [(b"vary", b"accept-encoding")]
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return body, varies
    packed = await asyncio.to_thread(_gzip, body) if len(body) >= _THREAD_FROM else _gzip(body)
    return packed, [(b"content-encoding", b"gzip"), *varies]


def _gzip(body: bytes) -> bytes:
    # Level 1: thin links gain most of it already, at a fifth of the time of the default.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
