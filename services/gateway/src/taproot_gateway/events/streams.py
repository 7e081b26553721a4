"""`GET /v1/events`: the open streams of this gateway, their number, their callers and their end (ADR 0025)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import timedelta

import prometheus_client
from sqlalchemy import ARRAY, LargeBinary, Uuid, bindparam, func, select

from taproot_base import telemetry
from taproot_base.access import AccessDirectory
from taproot_base.tasks import end
from taproot_chassis.identities import AccessStore
from taproot_gateway.api_keys.model import api_keys
from taproot_gateway.callers import Caller, Callers, credential_hash
from taproot_gateway.events import positions
from taproot_gateway.events.catalog import Catalog
from taproot_gateway.events.feeds import Feeds
from taproot_gateway.events.listener import Ended, Listener
from taproot_gateway.events.selection import parse_selection
from taproot_gateway.http.calls import Refused
from taproot_gateway.http.exchange import API_POLICY, SECURITY_HEADERS, Header, Request, Send
from taproot_gateway.oidc import looks_like_jwt
from taproot_gateway.sessions.model import sessions
from taproot_gateway.transcoding.problems import Problem
from taproot_storage.database import Database
from taproot_storage.statements import Statement

PATH = "/v1/events"
WATCH_SECONDS = 3.0
"""How often sessions and keys that end by themselves are looked for; a revocation is heard at once."""
SEND_SECONDS = 10.0
"""A client that takes nothing for so long is cut."""

_open = prometheus_client.Gauge("taproot_event_streams", "Open streams of events")
_ended = prometheus_client.Counter(
    "taproot_event_streams_ended_total", "Streams that were ended by us", ["reason"]
)

_live_sessions = Statement(
    lambda: select(sessions.c.id).where(
        sessions.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        sessions.c.expire_time > bindparam("now"),
        sessions.c.last_used_time > bindparam("idle_since"),
    )
)
_live_keys = Statement(
    lambda: select(api_keys.c.key_hash).where(
        api_keys.c.key_hash == func.any(bindparam("digests", type_=ARRAY(LargeBinary))),
        api_keys.c.expire_time > bindparam("now"),
    )
)

SignIn = Callable[[Request], Awaitable[tuple[Caller, str, list[Header]]]]
"""Who calls, with what, and headers for the answer. Raises Refused, AppError."""


class Streams:
    def __init__(
        self,
        feeds: Feeds,
        catalog: Catalog,
        callers: Callers,
        access: AccessStore,
        directory: AccessDirectory,
        database: Database,
        sign_in: SignIn,
        *,
        idle_minutes: float,
        most_per_user: int,
    ) -> None:
        self._feeds = feeds
        self._catalog = catalog
        self._callers = callers
        self._access = access
        self._directory = directory
        self._database = database
        self._sign_in = sign_in
        self._idle = timedelta(minutes=idle_minutes)
        self._most = most_per_user
        self._listeners: set[Listener] = set()
        self._users: Counter[str] = Counter()
        self._watching: asyncio.Task[None] | None = None

    def revoked(self, user_id: str) -> None:
        """Of one user, or with an empty id perhaps of anybody."""
        for listener in self._listeners:
            if user_id in ("", listener.caller.principal.subject):
                listener.doubt()

    async def close(self) -> None:
        if self._watching is not None:
            await end([self._watching])
        for listener in self._listeners:
            listener.close()
        await self._feeds.close()

    async def serve(self, request: Request, send: Send, extra: list[Header]) -> None:
        """Answers the request. Raises Refused, Invalid and AppError before anything was sent."""
        caller, credential, headers = await self._sign_in(request)
        selection, resume = parse_selection(request.query, self._catalog)
        at = _resume(request.headers.get("last-event-id", "") or resume)
        user = caller.principal.subject
        if self._users[user] >= self._most:
            raise Refused(
                Problem(
                    429,
                    "Too many streams",
                    f"at most {self._most} at once",
                    "TOO_MANY_STREAMS",
                    retry_after=5,
                )
            )
        listener = Listener(
            self._feeds, self._callers, self._access, self._directory, caller, credential, selection
        )
        self._users[user] += 1
        self._listeners.add(listener)
        _open.inc()
        try:
            await self._feeds.open()
            self._watching = self._watching or asyncio.create_task(self._watch())
            await self._run(listener, at, request, send, [*headers, *extra])
        finally:
            _open.dec()
            self._listeners.discard(listener)
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]

    async def _run(
        self,
        listener: Listener,
        at: positions.Positions | None,
        request: Request,
        send: Send,
        extra: list[Header],
    ) -> None:
        headers = [
            *SECURITY_HEADERS,
            API_POLICY,
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            *extra,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if request.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        talking = asyncio.ensure_future(_talk(listener, at, send))
        leaving = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({talking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end([talking, leaving])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._doubt_the_ended()
            except Exception as error:  # noqa: BLE001 - the database is away: asked again in a moment
                telemetry.logger.warning("event_streams_unwatched", error=type(error).__name__)

    async def _doubt_the_ended(self) -> None:
        """One look at the database for all streams, however many; it does not count as use of a session."""
        known = {listener: listener.caller.identity.session_id for listener in self._listeners}
        keys = {
            listener: credential_hash(listener.credential)
            for listener, session in known.items()
            if not session and not looks_like_jwt(listener.credential)
        }
        if not known:
            return
        async with self._database.reading() as reader:
            now = reader.clock.now()
            rows = await reader.fetch(
                _live_sessions, ids=[s for s in known.values() if s], now=now, idle_since=now - self._idle
            )
            live = {str(row[0]) for row in rows}
            rows = await reader.fetch(_live_keys, digests=list(keys.values()), now=now) if keys else []
            live_keys = {bytes(row[0]) for row in rows}
        for listener, session in known.items():
            ended = keys[listener] not in live_keys if listener in keys else session and session not in live
            # A token of an identity provider says itself when it ends; only asking again reads that.
            if ended or (not session and listener not in keys):
                self._callers.forget_user(listener.caller.principal.subject)
                listener.doubt()


def _resume(text: str) -> positions.Positions | None:
    if not text:
        return None
    try:
        return positions.from_text(text)
    except positions.BadPosition:
        raise Refused(
            Problem(400, "The request is not valid", "Last-Event-ID is not one of ours", "BAD_LAST_EVENT_ID")
        ) from None


async def _talk(listener: Listener, at: positions.Positions | None, send: Send) -> None:
    reason = "FAILED"
    try:
        async with aclosing(listener.chunks(at)) as chunks:
            async for chunk in chunks:
                if chunk:
                    async with asyncio.timeout(SEND_SECONDS):
                        await _body(send, chunk)
    except Ended as error:
        reason = str(error)
    except TimeoutError:
        reason = "TOO_SLOW"
    except Exception:  # noqa: BLE001 - a defect: logged once, the client comes again
        telemetry.logger.exception("event_stream_failed")
    _ended.labels(reason).inc()
    with suppress(TimeoutError):
        last = b'event: end\ndata: {"reason":"%b"}\n\n' % reason.encode()
        async with asyncio.timeout(1.0):
            await _body(send, last, more=False)


async def _body(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
