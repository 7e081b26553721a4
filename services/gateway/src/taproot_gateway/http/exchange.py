"""One HTTP exchange over ASGI: reading with limits, answering with the headers every answer has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from taproot_gateway.http.compression import PACKERS, preferred

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

READ_SECONDS = 30.0
"""A body may take this long, and longer as long as it comes no slower than `SLOWEST_BYTES` a second."""
SLOWEST_BYTES = 4_096
_COMPRESS_FROM = 1_000
# Above this, compressing would hold up the loop: it goes to a thread (the packers let go of the interpreter's lock).
_THREAD_FROM = 32_000
_COMPRESSIBLE = ("application/json", "application/problem+json", "text/")
# Given twice, these make requests that two servers understand differently (RFC 9112 section 11.2).
_ONCE = frozenset(
    {
        "host", "content-length", "transfer-encoding", "content-type", "authorization", "origin",
        "idempotency-key", "if-match", "traceparent",
    }
)  # fmt: skip

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
    unclear: str = ""
    """A header that could be read in two ways: a proxy before us may have chosen the other one."""

    @classmethod
    def read(cls, scope: Scope, receive: Receive, proxies: int) -> Request:
        headers: dict[str, str] = {}
        unclear = ""
        for name, value in scope["headers"]:
            key = name.decode("latin-1").lower()
            text = value.decode("latin-1")
            if key in headers:
                unclear = key if key in _ONCE else unclear
                text = f"{headers[key]}{'; ' if key == 'cookie' else ', '}{text}"
            headers[key] = text
        raw = scope.get("raw_path") or scope["path"].encode()
        return cls(
            method=scope["method"],
            path=raw.decode("latin-1").partition("?")[0],
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
            scheme=scope.get("scheme", "http"),
            client=_client(scope, headers, proxies),
            receive=receive,
            unclear=unclear,
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
            async with asyncio.timeout(READ_SECONDS) as allowance:
                return await self._chunks(limit, allowance)
        except TimeoutError:
            raise BodyTooSlow from None

    async def _chunks(self, limit: int, allowance: asyncio.Timeout) -> bytes:
        chunks: list[bytes] = []
        size = 0
        latest = allowance.when() or 0.0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise BodyTooSlow
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(limit)
            chunks.append(chunk)
            allowance.reschedule(latest + size / SLOWEST_BYTES)
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
    if "transfer-encoding" in request.headers:
        # The server drops a Content-Length beside it unseen. A proxy that believed that one would take what follows
        # for part of this request: nothing may follow.
        headers.append((b"connection", b"close"))
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
    encoding = preferred(request.headers.get("accept-encoding", ""))
    if not encoding:
        return body, varies
    pack = PACKERS[encoding]
    packed = await asyncio.to_thread(pack, body) if len(body) >= _THREAD_FROM else pack(body)
    return packed, [(b"content-encoding", encoding.encode()), *varies]
