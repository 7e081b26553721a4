"""The outbox relay: publishes committed events in order, one active relay per service.

It selects unpublished rows, never "everything after the last number seen": a row that commits late
keeps its place in the queue.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind
from prometheus_client import Counter
from sqlalchemy import bindparam, func, select, update

from taproot_base import telemetry
from taproot_chassis.events import Event
from taproot_storage.schema import event_log
from taproot_storage.statements import Statement

if TYPE_CHECKING:
    from taproot_chassis.bus import Bus
    from taproot_storage.database import Database

BATCH = 500
POLL_SECONDS = 1.0
ACK_SECONDS = 10.0
DENSE_SECONDS = 0.05
GATHER_SECONDS = 0.01
CHANNEL = "taproot_outbox"

_published = Counter("taproot_outbox_published_total", "Events published")
_failures = Counter("taproot_outbox_publish_failures_total", "Publishes that were not acknowledged")

_select_unpublished = Statement(
    lambda: (
        select(event_log).where(event_log.c.published_at.is_(None)).order_by(event_log.c.number).limit(BATCH)
    )
)
_mark = Statement(
    lambda: (
        update(event_log)
        .where(
            event_log.c.occurred_at >= bindparam("since"), event_log.c.id == func.any(bindparam("ids", []))
        )
        .values(published_at=bindparam("at"))
    )
)


class Relay:
    def __init__(self, service: str, database: Database, bus: Bus) -> None:
        self._service = service
        self._database = database
        self._bus = bus
        self._wake = asyncio.Event()
        self._notify_task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Called after each commit: wakes the relay here, and by NOTIFY the one in another process.

        The NOTIFY is sent outside the transaction and at most every 20 ms: inside it, all commits of the
        database would queue behind one lock.
        """
        self._wake.set()
        if self._notify_task is None or self._notify_task.done():
            self._notify_task = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        await asyncio.sleep(0.02)
        try:
            async with self._database.connection() as connection:
                await connection.execute(f"NOTIFY {CHANNEL}")
        except Exception as error:
            telemetry.logger.info("notify_failed", error=type(error).__name__)  # the poll covers it

    async def run(self) -> None:
        """Publish until cancelled. Hold the lease `relay` while running this."""
        listener = await self._database.connect_direct()
        try:
            await listener.add_listener(CHANNEL, lambda *_: self._wake.set())
            while True:
                self._wake.clear()
                if await self.publish_batch() < BATCH:
                    ended = time.monotonic()
                    await self._wait()
                    if time.monotonic() - ended < DENSE_SECONDS:
                        await asyncio.sleep(GATHER_SECONDS)  # one batch of several commits
        finally:
            listener.terminate()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()

    async def publish_batch(self) -> int:
        """Publish what is waiting; returns how many rows were tried."""
        async with self._database.reading() as reader:
            rows = await reader.fetch(_select_unpublished)
        if not rows:
            return 0
        done = await self._publish([Event.from_row(self._service, row) for row in rows])
        if done:
            async with self._database.unit() as work:
                since = min(row["occurred_at"] for row in rows)
                await work.execute(_mark, ids=done, since=since, at=work.clock.now())
        _published.inc(len(done))
        if len(done) < len(rows):
            _failures.inc(len(rows) - len(done))
            await asyncio.sleep(0.5)
        return len(rows)

    async def _publish(self, events: list[Event]) -> list[uuid.UUID]:
        """Ids acknowledged. Publishing is pipelined; an aggregate's events go one wave after the other,
        so that a failed one holds back those behind it.
        """
        done: list[uuid.UUID] = []
        blocked: set[uuid.UUID] = set()
        for wave in _waves(events):
            going = [event for event in wave if event.aggregate_id not in blocked]
            results = await self._publish_wave(going)
            for event, ok in zip(going, results, strict=True):
                if ok:
                    done.append(event.id)
                else:
                    blocked.add(event.aggregate_id)
        return done

    async def _publish_wave(self, events: list[Event]) -> list[bool]:
        futures: list[Any] = []
        for event in events:
            with telemetry.span(
                f"publish {event.type}",
                {"messaging.system": "nats", "messaging.destination.name": event.subject},
                kind=SpanKind.PRODUCER,
                parent=telemetry.remote_context(event.traceparent),
            ):
                headers = event.headers() | {"traceparent": telemetry.traceparent()}
                try:
                    self._bus.require_connection()
                    future = await self._bus.jetstream.publish_async(
                        event.subject, event.payload, headers=headers, wait_stall=5
                    )
                except Exception as error:
                    future = _failed(error)
                futures.append(future)
        if not futures:
            return []
        _, unanswered = await asyncio.wait(futures, timeout=ACK_SECONDS)
        for future in unanswered:
            future.cancel()  # its answer died with a connection: it would keep its place under way for ever
        return [future.done() and not future.cancelled() and future.exception() is None for future in futures]


def _failed(error: Exception) -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


def _waves(events: list[Event]) -> list[list[Event]]:
    """Split so that each wave holds at most one event of an aggregate, in order."""
    waves: list[list[Event]] = []
    depth: dict[uuid.UUID, int] = {}
    for event in events:
        level = depth.get(event.aggregate_id, 0)
        depth[event.aggregate_id] = level + 1
        if level == len(waves):
            waves.append([])
        waves[level].append(event)
    return waves
