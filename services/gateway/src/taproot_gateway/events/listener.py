"""One open `/v1/events`: what it has read, what it may see, and the text it is sent (the HTML standard, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from nats.errors import Error as NatsError

from taproot_base.access import AccessDirectory
from taproot_base.errors import Unavailable
from taproot_chassis.identities import AccessStore
from taproot_gateway.callers import Caller, Callers
from taproot_gateway.events import positions
from taproot_gateway.events.feeds import Entry, Feed, Feeds
from taproot_gateway.events.notices import Notice, may_see
from taproot_gateway.events.positions import Positions
from taproot_gateway.events.selection import Selection

HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 2_000
_AT_ONCE = 200
_ROLE_WAIT_SECONDS, _ROLE_WAITS = 0.1, 100
OPENING = f"retry: {RETRY_MILLISECONDS}\n\n".encode()


class Ended(Exception):
    """The stream must end; says why, for the client."""


class Listener:
    def __init__(
        self,
        feeds: Feeds,
        callers: Callers,
        access: AccessStore,
        directory: AccessDirectory,
        caller: Caller,
        credential: str,
        selection: Selection,
    ) -> None:
        self._feeds = feeds
        self._callers = callers
        self._access = access
        self._directory = directory
        self.caller = caller
        self.credential = credential
        self._selection = selection
        self._at: Positions = {}
        self._bell = asyncio.Event()
        self._doubted = False
        self._closing = False

    def doubt(self) -> None:
        """The caller's rights or session may have changed: ask before anything more is told."""
        self._doubted = True
        self._bell.set()

    def close(self) -> None:
        self._closing = True
        self._bell.set()

    async def chunks(self, resume: Positions | None) -> AsyncGenerator[bytes]:
        """What to send, until the stream must end. Raises Ended."""
        self._feeds.attach(self._bell)
        try:
            yield OPENING + await self._start(resume)
            for feed in self._feeds.feeds.values():
                async with aclosing(feed.since(self._at[feed.source])) as past:
                    async for entries in past:
                        yield await self._text(feed, entries)
            while True:
                chunk = await self._next()
                yield chunk or self._position()
        finally:
            self._feeds.detach(self._bell)

    async def _start(self, resume: Positions | None) -> bytes:
        """Sets the positions to go on from; says so when something in between is lost."""
        self._at = end = self._feeds.end()
        if resume is None:
            return self._position()
        # A stream the client has not heard of is read from where its memory of it would begin: its first event.
        wanted = {source: resume.get(source, 0) for source in end}
        if not all([await _holds(feed, wanted[source]) for source, feed in self._feeds.feeds.items()]):
            return b'event: reset\ndata: {"reason":"TOO_OLD"}\n' + self._position()
        self._at = wanted
        return b""

    async def _next(self) -> bytes:
        """The next events as text; empty when there was none for the length of a heartbeat."""
        while True:
            self._bell.clear()
            text, read = b"", 0
            for feed in self._feeds.feeds.values():
                at = self._at[feed.source]
                if at < feed.base:
                    raise Ended("TOO_SLOW")
                entries = feed.after(at, _AT_ONCE)
                read += len(entries)
                text += await self._text(feed, entries)
            if text:
                return text
            if read:
                await asyncio.sleep(0)  # a long stretch that is of no concern to this caller
                continue
            await self._check()
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._bell.wait()
            except TimeoutError:
                return b""

    async def _text(self, feed: Feed, entries: list[Entry]) -> bytes:
        await self._check()
        parts = []
        for number, notice in entries:
            self._at[feed.source] = number
            if notice is not None and self._selection.wants(notice) and await self._sees(notice):
                parts.append(b"id: %b\ndata: %b\n\n" % (positions.to_text(self._at).encode(), notice.data))
        return b"".join(parts)

    async def _sees(self, notice: Notice) -> bool:
        for _ in range(_ROLE_WAITS):
            try:
                await self._access.ensure(self.caller.principal)
                return may_see(notice, self.caller.principal, self._directory)
            except Unavailable:  # a role was changed a moment ago: its grants are on their way
                await asyncio.sleep(_ROLE_WAIT_SECONDS)
        raise Ended("TRY_AGAIN")

    async def _check(self) -> None:
        if self._closing:
            raise Ended("CLOSING")
        while self._doubted:
            self._doubted = False
            caller = await self._callers.find(self.credential)
            if caller is None or caller.identity.refusal("") is not None:
                raise Ended("CREDENTIALS_ENDED")
            self.caller = caller

    def _position(self) -> bytes:
        """Moves the client's Last-Event-ID on without an event; also the heartbeat."""
        return b": still here\nid: %b\n\n" % positions.to_text(self._at).encode()


async def _holds(feed: Feed, number: int) -> bool:
    try:
        return await feed.holds(number)
    except (NatsError, TimeoutError, OSError):
        return False
