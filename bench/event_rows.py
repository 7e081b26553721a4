"""Rows of the chassis: relay, consumers, and the way of a change to the timeline."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import asyncpg
import capture
from nats.js.api import StreamConfig
from sqlalchemy import Column, MetaData, Table, Text, Uuid, bindparam, insert
from stack import Stack

from taproot_base.access import AccessDirectory
from taproot_base.auth import Principal
from taproot_base.clock import SystemClock
from taproot_base.context import Call
from taproot_chassis.bus import Bus
from taproot_chassis.consumers import Consumer, SubscriberKind, Subscription
from taproot_chassis.events import Event
from taproot_chassis.relay import BATCH, Relay
from taproot_storage.database import Database
from taproot_storage.statements import Statement

CLIENTS = 16
effects = Table("bench_effects", MetaData(), Column("id", Uuid, primary_key=True), Column("note", Text))
_effect = Statement(lambda: insert(effects).values(id=bindparam("id"), note=bindparam("note")))
_FILL = """
INSERT INTO event_log (occurred_at, id, aggregate_type, aggregate_id, version, type, payload, party_id, branch_path,
    actor, traceparent)
SELECT now(), gen_random_uuid(), 'customer', gen_random_uuid(), 1, 'customer.created', $2, gen_random_uuid(), '/hq/',
    'system', '00-48b1a3ef48dc5ae3fbb119655d43a81a-48b1a3ef48dc5ae3-01'
FROM generate_series(1, $1::int)
"""
_WRITER = """INSERT INTO event_log (occurred_at, id, aggregate_type, aggregate_id, version, type, payload, actor,
    traceparent) VALUES (now(), gen_random_uuid(), 'customer', gen_random_uuid(), 1, 'customer.created',
    decode(repeat('00', 300), 'hex'), 'system', '');
"""
_SINGLE = "INSERT INTO bench_effects (id, note) VALUES (gen_random_uuid(), 'an effect');\n"


class EventRows:
    """Own database and stream, this process as relay and consumer: nothing else is in the way."""

    def __init__(self, stack: Stack, payload: bytes, count: int, seconds: float) -> None:
        self._stack = stack
        self._payload = payload
        self._count = count
        self._seconds = seconds
        self._made = stack.database("taproot_bench")
        self._round = 0
        asyncio.run(self._prepare())

    async def _prepare(self) -> None:
        owner = await asyncpg.connect(self._made.owner_url)
        await owner.execute("CREATE TABLE bench_effects (id uuid PRIMARY KEY, note text)")
        await owner.execute("GRANT ALL ON bench_effects TO customer_app")
        await owner.close()

    def measure(self) -> dict[str, dict[str, Any]]:
        """Relay and consumers of one round, with their floors."""
        self._round += 1
        found = asyncio.run(self._measure())
        scripts = capture.save(self._stack.home.root / "effects", [_SINGLE])
        for clients in (1, CLIENTS):
            found[f"F-insert {clients}"] = capture.pgbench(
                self._made.app_url, scripts, self._seconds, clients
            )
        return found

    async def _measure(self) -> dict[str, dict[str, Any]]:
        service = f"bench{self._round}"
        bus = await Bus.connect(self._stack.addresses.nats_url, "bench")
        database = await Database.open(self._made.app_url, clock=SystemClock())
        try:
            await bus.ensure_stream(service)
            await self._fill(database, self._count)
            relay = Relay(service, database, bus)
            found = {"F-nats": await self._publish_floor(bus), "relay": await self._drain(relay)}
            found["consumers"] = await self._consume(service, database, bus)
            found["relay while writing"] = await self._drain_while_writing(database, relay)
        finally:
            await database.close()
            await bus.close()
        return found

    async def _fill(self, database: Database, count: int) -> None:
        async with database.connection() as connection:
            await connection.execute(_FILL, count, self._payload)

    async def _publish_floor(self, bus: Bus) -> dict[str, Any]:
        """`publish_async` of the same payloads with the same headers, as many under way as the relay may have."""
        name = f"FLOOR{self._round}"
        await bus.jetstream.add_stream(StreamConfig(name=name, subjects=[f"floor{self._round}.>"]))
        event = self._event()
        headers = [event.headers() | {"Nats-Msg-Id": str(uuid.uuid4())} for _ in range(self._count)]
        begun = time.perf_counter()
        for first in range(0, self._count, BATCH):
            some = headers[first : first + BATCH]
            subject = f"floor{self._round}.x"
            waiting = [await bus.jetstream.publish_async(subject, self._payload, headers=h) for h in some]
            await asyncio.wait(waiting)
        return {"rate": round(self._count / (time.perf_counter() - begun), 1)}

    def _event(self) -> Event:
        key = uuid.uuid4()
        parent = "00-48b1a3ef48dc5ae3fbb119655d43a81a-48b1a3ef48dc5ae3-01"
        return Event(
            key,
            "bench",
            "customer.created",
            key,
            1,
            SystemClock().now(),
            "system",
            key,
            "/hq/",
            None,
            parent,
            b"",
        )

    async def _drain(self, relay: Relay) -> dict[str, Any]:
        done, begun = 0, time.perf_counter()
        while count := await relay.publish_batch():
            done += count
        return {"rate": round(done / (time.perf_counter() - begun), 1)}

    async def _drain_while_writing(self, database: Database, relay: Relay) -> dict[str, Any]:
        """A backlog to work off while another process adds 300 events a second."""
        await self._fill(database, self._count // 2)
        scripts = capture.save(self._stack.home.root / "writer", [_WRITER])
        writing = asyncio.create_task(
            asyncio.to_thread(capture.pgbench, self._made.app_url, scripts, self._seconds + 2, 4, rate=300)
        )
        done, begun = 0, time.perf_counter()
        while (count := await relay.publish_batch()) >= BATCH and not writing.done():
            done += count
        seconds, drained = time.perf_counter() - begun, not writing.done()
        await writing
        return {"rate": round(done / seconds, 1), "seconds": round(seconds, 2), "drained": drained}

    async def _consume(self, service: str, database: Database, bus: Bus) -> dict[str, Any]:
        """Everything published, through the inbox into one row of effect each."""
        finished = asyncio.Event()
        seen = 0

        async def handler(event: Event, work: Any) -> None:
            nonlocal seen
            await work.execute(_effect, id=event.id, note="an effect")
            seen += 1
            if seen >= self._count:
                finished.set()

        subscription = Subscription(service, service, ("*",), handler, SubscriberKind.PROJECTION)
        call = Call(Principal.service("bench"), AccessDirectory())
        consumer = Consumer("bench", subscription, database, bus, lambda: call)
        begun = time.perf_counter()
        running = asyncio.create_task(consumer.run())
        await asyncio.wait_for(finished.wait(), 120)
        seconds = time.perf_counter() - begun
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return {"rate": round(self._count / seconds, 1)}


async def timeline_delay(
    stack: Stack, payload: bytes, customers: list[str], seconds: float
) -> dict[str, Any]:
    """Changes at 300 events a second: from the answer to COMMIT until the timeline row can be read."""
    keys = [uuid.UUID(text) for text in customers[:50]]
    writer = await asyncpg.connect(stack.customer.app_url)
    looker = await asyncpg.connect(stack.customer.app_url)
    committed: dict[uuid.UUID, float] = {}
    seen: dict[uuid.UUID, float] = {}
    total = int(300 * seconds)
    statement = _FILL.split("SELECT", maxsplit=1)[0] + (
        "VALUES (now(), $1, 'customer', $2, 9, 'customer.updated', $3, $2, '/hq/', 'system', '')"
    )

    async def write() -> None:
        due = time.perf_counter()
        for number in range(total):
            due += 1 / 300
            await asyncio.sleep(max(0, due - time.perf_counter()))
            key = uuid.uuid4()
            await writer.execute(statement, key, keys[number % len(keys)], payload)
            committed[key] = time.perf_counter()
            if number % 6 == 0:  # every 20 ms, as the service does
                await writer.execute("NOTIFY taproot_outbox")

    async def look() -> None:
        while len(seen) < total and time.perf_counter() < give_up:
            waiting = [key for key in committed if key not in seen]
            query = "SELECT id FROM timeline WHERE customer_id = ANY($1) AND id = ANY($2)"
            rows = await looker.fetch(query, keys, waiting)
            now = time.perf_counter()
            seen.update({row[0]: now for row in rows})
            await asyncio.sleep(0.005)

    give_up = time.perf_counter() + seconds + 30
    try:
        await asyncio.gather(write(), look())
    finally:
        await writer.close()
        await looker.close()
    ordered = sorted((seen[key] - at) * 1000 for key, at in committed.items() if key in seen)
    count = len(ordered)
    return {
        "p50_ms": round(ordered[count // 2], 1),
        "p99_ms": round(ordered[int(count * 0.99)], 1),
        "events": total,
        "seen": count,
    }
