"""The newest events of each stream, kept once per process, however many listen.

A listener holds nothing but its positions and reads from these rings. It goes back further than a ring by reading
the stream itself; one that falls off the ring while listening is too slow.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, NamedTuple

from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from taproot_base import telemetry
from taproot_base.errors import Unavailable
from taproot_base.tasks import end
from taproot_chassis.bus import Bus
from taproot_chassis.events import Event, stream_of
from taproot_chassis.pulling import Pull
from taproot_gateway.events.catalog import Catalog
from taproot_gateway.events.notices import Notice
from taproot_gateway.events.positions import Positions

RING = 4_000
"""Events of a stream that are kept at least; at most twice as many."""
_BATCH = 500
_FETCH_SECONDS = 5.0
_CHECK_SECONDS = 5.0
_OPEN_SECONDS = 5.0
_PAUSE = 0.5
_UNUSED_SECONDS = 30.0
_FAILURES = (NatsError, TimeoutError, OSError)


class Entry(NamedTuple):
    number: int
    notice: Notice | None
    """None for an event that is of no concern to any listener, which still moves the position."""


class Feed:
    """One stream."""

    def __init__(self, source: str, bus: Bus, catalog: Catalog) -> None:
        self.source = source
        self._bus = bus
        self._catalog = catalog
        self.ready = asyncio.Event()
        self.base = 0
        """Everything after this number that was published is in the ring."""
        self.last = 0
        self._ring: list[Entry] = []
        self._numbers: list[int] = []

    def after(self, number: int, most: int) -> list[Entry]:
        start = bisect_right(self._numbers, number)
        return self._ring[start : start + most]

    async def run(self, heard: Any) -> None:
        """Until cancelled; calls `heard()` when there is something new."""
        await self._find_end()
        self.ready.set()
        while True:
            try:
                async for entries in self._read(self.last):
                    self._keep(entries)
                    heard()
            except _FAILURES as error:
                telemetry.logger.warning(
                    "event_feed_interrupted", source=self.source, error=type(error).__name__
                )
            await asyncio.sleep(_PAUSE)

    async def since(self, number: int) -> AsyncGenerator[list[Entry]]:
        """From the stream itself, up to where the ring begins."""
        while number < self.base:
            end = self.base  # moves on while we read
            async with aclosing(self._read(number, until=end)) as batches:
                async for entries in batches:
                    yield [entry for entry in entries if entry.number <= end]
            number = end
            yield [Entry(end, None)]

    async def holds(self, number: int) -> bool:
        """Whether all that came after `number` can still be read."""
        if self.base <= number <= self.last:
            return True
        state = (await self._bus.jetstream.stream_info(stream_of(self.source))).state
        return bool(state.first_seq - 1 <= number <= state.last_seq)

    async def _find_end(self) -> None:
        """A stream that does not exist yet will be read from its first event."""
        fresh = False
        while True:
            try:
                info = await self._bus.jetstream.stream_info(stream_of(self.source))
            except NotFoundError:
                fresh = True
                self.ready.set()  # listeners need not wait for a service that never ran
            except _FAILURES as error:
                telemetry.logger.warning("event_feed_waits", source=self.source, error=type(error).__name__)
            else:
                self.base = self.last = 0 if fresh else info.state.last_seq
                return
            await asyncio.sleep(_PAUSE)

    async def _read(self, number: int, until: int | None = None) -> AsyncGenerator[list[Entry]]:
        """What comes after a number; for ever, or until another number or the end of the stream."""
        stream = stream_of(self.source)
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=number + 1,
            inactive_threshold=_UNUSED_SECONDS,
            mem_storage=True,
            num_replicas=1,
        )
        made = await self._bus.jetstream.add_consumer(stream, config)
        pull = Pull(self._bus.client, stream, made.name)
        fetching: asyncio.Future[list[Any]] | None = None
        try:
            waiting = made.num_pending
            while until is None or waiting:
                fetching = asyncio.ensure_future(pull.fetch(_BATCH, timeout=_FETCH_SECONDS))
                while not (await asyncio.wait({fetching}, timeout=_CHECK_SECONDS))[0]:
                    # A server that was restarted has forgotten the consumer, and then only keeps silent.
                    await self._bus.jetstream.consumer_info(stream, made.name)
                messages = fetching.result()
                waiting = messages[-1].metadata.num_pending
                entries = [self._entry(message) for message in messages]
                yield entries
                if until is not None and entries[-1].number >= until:
                    return
        finally:
            if fetching is not None:
                fetching.cancel()
            await pull.close()
            with suppress(*_FAILURES):
                await self._bus.jetstream.delete_consumer(stream, made.name)

    def _entry(self, message: Any) -> Entry:
        number = message.metadata.sequence.stream
        try:
            notice = Notice.of(Event.from_wire(message.headers, message.data), self._catalog)
        except Exception:  # noqa: BLE001 - one message nobody can read must not stop all listeners
            telemetry.logger.exception("event_unreadable", source=self.source, number=number)
            notice = None
        return Entry(number, notice)

    def _keep(self, entries: list[Entry]) -> None:
        fresh = [entry for entry in entries if entry.number > self.last]
        if not fresh:
            return
        self._ring += fresh
        self._numbers += [entry.number for entry in fresh]
        self.last = fresh[-1].number
        if len(self._ring) > 2 * RING:
            self.base = self._numbers[-RING - 1]
            del self._ring[:-RING], self._numbers[:-RING]


class Feeds:
    """All streams. They are read as soon as somebody listens."""

    def __init__(self, bus: Bus, catalog: Catalog) -> None:
        self.feeds = {source: Feed(source, bus, catalog) for source in catalog.sources}
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: set[asyncio.Event] = set()

    async def open(self) -> None:
        """Raises Unavailable when the streams cannot be reached."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(feed.run(self.wake)) for feed in self.feeds.values()]
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                for feed in self.feeds.values():
                    await feed.ready.wait()
        except TimeoutError:
            raise Unavailable("events cannot be read at the moment; try again") from None

    async def close(self) -> None:
        await end(self._tasks)

    def end(self) -> Positions:
        return {source: feed.last for source, feed in self.feeds.items()}

    def attach(self, bell: asyncio.Event) -> None:
        self._waiting.add(bell)

    def detach(self, bell: asyncio.Event) -> None:
        self._waiting.discard(bell)

    def wake(self) -> None:
        for bell in self._waiting:
            bell.set()
