"""From the event log to the bus and back: nothing lost, nothing twice, nothing overtaken."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
import pytest_asyncio
from boxes import Base, Box, box, plain
from google.protobuf.wrappers_pb2 import StringValue
from sqlalchemy import BigInteger, Column, Table, Text, Uuid, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from taproot_base.auth import Principal
from taproot_base.context import Call
from taproot_base.errors import Unavailable
from taproot_base.tasks import end
from taproot_chassis import commands, consumers
from taproot_chassis.consumers import ATTEMPTS, Consumer, SubscriberKind, Subscription
from taproot_chassis.events import Event, stream_of
from taproot_chassis.pulling import Pull
from taproot_chassis.relay import Relay, _waves
from taproot_storage.schema import event_log
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

effects = Table(
    "effects",
    Base.metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=True),
    Column("event_id", Uuid, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("label", Text, nullable=False),
)
_effect = Statement(
    lambda: insert(effects).values(
        {n: bindparam(n) for n in ("event_id", "aggregate_id", "version", "label")}
    )
)


async def note(event: Event, work) -> None:
    label = event.decode(StringValue).value
    await work.execute(
        _effect, event_id=event.id, aggregate_id=event.aggregate_id, version=event.version, label=label
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def relay(database, bus):
    await bus.ensure_stream("test")
    found = Relay("test", database, bus)
    database.wake_relay = found.wake
    yield found
    database.wake_relay = None


@pytest.fixture
def make_consumer(database, bus, directory):
    def make(handler=note, name: str | None = None, together=None) -> Consumer:
        subscription = Subscription(
            name or f"c{uuid.uuid4().hex[:8]}",
            "test",
            ("box.*",),
            handler,
            SubscriberKind.PROJECTION,
            (effects,),
            together,
        )
        return Consumer(
            "test", subscription, database, bus, lambda: Call(Principal.service("test"), directory)
        )

    return make


@asynccontextmanager
async def running(*coroutines):
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        await end(tasks)


async def make_boxes(database, count: int, label: str = "e", events: int = 1) -> list[uuid.UUID]:
    made = []
    for number in range(count):
        item = box(f"{label}{number}")
        for _ in range(events - 1):
            item.record("moved", database.clock.now())
        async with database.unit() as work:
            await work.add(item)
        made.append(item.id)
    return made


async def effects_of(database, keys) -> list[tuple[uuid.UUID, int]]:
    rows = await plain(
        database,
        "SELECT aggregate_id, version FROM effects WHERE aggregate_id = ANY($1) ORDER BY number",
        keys,
    )
    return [tuple(row) for row in rows]


async def until(condition, seconds: float = 10) -> None:
    for _ in range(int(seconds / 0.05)):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come true in time")


class TestRelay:
    async def test_publishes_all_in_order_and_marks_them(self, database, bus, relay, as_system):
        keys = await make_boxes(database, 5, events=3)
        await relay.publish_batch()
        left = await plain(database, "SELECT 1 FROM event_log WHERE published_at IS NULL")
        assert left == []
        pull = await bus.jetstream.pull_subscribe("taproot.test.>", stream=stream_of("test"))
        events = [Event.from_wire(m.headers, m.data) for m in await pull.fetch(500, timeout=2)]
        await pull.unsubscribe()
        for key in keys:
            assert [e.version for e in events if e.aggregate_id == key] == [1, 2, 3]

    async def test_a_row_that_commits_late_is_not_skipped(self, database, relay, as_system):
        """A relay that remembers the last number seen would skip it."""
        late, early = box("late"), box("early")
        async with database.unit() as slow:
            await slow.add(late)
            await slow.flush()
            async with database.unit() as fast:
                await fast.add(early)
            await relay.publish_batch()
        await relay.publish_batch()
        rows = await plain(
            database,
            "SELECT number FROM event_log WHERE aggregate_id = ANY($1) AND published_at IS NOT NULL ORDER BY published_at",
            [late.id, early.id],
        )
        assert len(rows) == 2
        assert rows[0][0] > rows[1][0]

    async def test_a_failed_publish_holds_back_its_aggregate_only(
        self, database, relay, as_system, monkeypatch
    ):
        bad, good = box("bad"), box("good")
        bad.record("moved", database.clock.now())
        async with database.unit() as work:
            await work.add(bad, good)
        real = relay._bus.jetstream.publish_async

        async def publish(subject, payload, **options):
            if payload == StringValue(value="bad").SerializeToString():
                raise ConnectionError
            return await real(subject, payload, **options)

        monkeypatch.setattr(relay._bus.jetstream, "publish_async", publish)
        await relay.publish_batch()
        waiting = await plain(database, "SELECT aggregate_id FROM event_log WHERE published_at IS NULL")
        assert [row[0] for row in waiting] == [bad.id, bad.id]
        monkeypatch.undo()
        await relay.publish_batch()
        assert await plain(database, "SELECT 1 FROM event_log WHERE published_at IS NULL") == []

    async def test_is_woken_by_a_commit(self, database, bus, relay, as_system, make_consumer):
        consumer = make_consumer()
        async with running(relay.run(), consumer.run()):
            await asyncio.sleep(0.5)
            started = asyncio.get_running_loop().time()
            keys = await make_boxes(database, 1)
            await until(lambda: seen(database, keys, 1), 5)
            assert (
                asyncio.get_running_loop().time() - started < 0.9
            )  # the poll alone would take up to a second

    def test_waves_hold_one_event_of_an_aggregate(self):
        class Fake:
            def __init__(self, key: int) -> None:
                self.aggregate_id = key

        waves = _waves([Fake(key) for key in (1, 2, 1, 3, 1, 2)])
        assert [[e.aggregate_id for e in wave] for wave in waves] == [[1, 2, 3], [1, 2], [1]]


async def seen(database, keys, count: int) -> bool:
    return len(await effects_of(database, keys)) >= count


class TestConsumer:
    async def test_takes_effect_once_whatever_is_delivered_again(
        self, database, relay, as_system, make_consumer
    ):
        keys = await make_boxes(database, 20, events=2)
        await relay.publish_batch()
        consumer = make_consumer()
        async with running(consumer.run()):
            await until(lambda: seen(database, keys, 40))
        rows = await plain(database, "SELECT * FROM event_log WHERE aggregate_id = ANY($1)", keys)
        again = [Event.from_row("test", row) for row in rows]
        await consumer.apply(again)
        found = await effects_of(database, keys)
        assert len(found) == 40
        assert all([v for k, v in found if k == key] == [1, 2] for key in keys)

    async def test_neighbours_of_one_trace_take_effect_together_and_once(
        self, database, as_system, make_consumer
    ):
        together: list[int] = []

        async def note_all(events, work):
            together.append(len(events))
            for event in events:
                await note(event, work)

        keys = await make_boxes(database, 6)
        rows = await plain(database, "SELECT * FROM event_log WHERE aggregate_id = ANY($1)", keys)
        traces = ["a" * 32, "a" * 32, "b" * 32, "c" * 32, "c" * 32, "c" * 32]
        events = [
            replace(Event.from_row("test", row), traceparent=f"00-{trace}-00000000000000{number:02}-01")
            for number, (row, trace) in enumerate(zip(rows, traces, strict=True))
        ]
        consumer = make_consumer(together=note_all)
        await consumer.apply(events)
        await consumer.apply(events)
        assert together == [2, 3]
        assert [key for key, _ in await effects_of(database, keys)] == [e.aggregate_id for e in events]

    async def test_an_effect_and_its_inbox_row_are_one(self, database, relay, as_system, make_consumer):
        async def fails_after_writing(event, work):
            await note(event, work)
            raise RuntimeError

        keys = await make_boxes(database, 1)
        rows = await plain(database, "SELECT * FROM event_log WHERE aggregate_id = ANY($1)", keys)
        event = Event.from_row("test", rows[0])
        consumer = make_consumer(fails_after_writing)
        with pytest.raises(RuntimeError):
            await consumer.apply([event])
        assert await effects_of(database, keys) == []
        assert await plain(database, "SELECT 1 FROM inbox WHERE event_id = $1", event.id) == []

    async def test_a_poisoned_event_is_set_aside_and_its_followers_parked(
        self, database, relay, as_system, make_consumer, capsys
    ):
        poison = {"on": True}

        async def handler(event, work):
            if poison["on"] and event.version == 2 and event.decode(StringValue).value == "poison0":
                raise ValueError("cannot digest")
            await note(event, work)

        keys = await make_boxes(database, 1, "poison", events=4)
        others = await make_boxes(database, 3, "fine", events=2)
        await relay.publish_batch()
        consumer = make_consumer(handler)
        async with running(consumer.run()):
            await until(lambda: seen(database, others, 6), 20)
            await until(lambda: letters(consumer, 3), 20)
        assert await effects_of(database, keys) == [(keys[0], 1)]
        listed = await consumer.letters.list()
        assert [row["state"] for row in listed] == ["dead", "parked", "parked"]
        assert "cannot digest" in listed[0]["error"]
        runtime = SimpleNamespace(database=database)
        with pytest.raises(commands.Refused, match="cannot digest"):
            await commands._tend("replay", listed[0]["number"], [consumer], runtime)
        await commands._tend("show", listed[0]["number"], [consumer], runtime)
        assert (
            json.loads("{" + capsys.readouterr().out.partition("{")[2])["headers"]["ce-type"] == "box.moved"
        )
        poison["on"] = False
        await commands._tend("replay", listed[0]["number"], [consumer], runtime)
        assert [v for _, v in await effects_of(database, keys)] == [1, 2, 3, 4]
        assert await consumer.letters.list() == []

    async def test_a_message_that_is_no_event_is_set_aside_and_stops_nobody(
        self, database, relay, bus, as_system, make_consumer, capsys
    ):
        keys = await make_boxes(database, 1, "before")
        await relay.publish_batch()
        crooked = {"ce-id": "no-uuid", "ce-type": "box.moved"}
        timeless = Event.from_row("test", (await plain(database, "SELECT * FROM event_log LIMIT 1"))[0])
        headers = timeless.headers() | {"ce-time": "2026-11-01T10:00:00", "Nats-Msg-Id": "timeless"}
        for given in (None, crooked, headers):
            await bus.jetstream.publish("taproot.test.box.moved.v1.0", b"\x00", headers=given)
        keys += await make_boxes(database, 1, "after")
        await relay.publish_batch()
        consumer = make_consumer()
        async with running(consumer.run()):
            await until(lambda: seen(database, keys, 2), 20)
            await until(lambda: letters(consumer, 3), 20)
        listed = await consumer.letters.list()
        assert {row["state"] for row in listed} == {"dead"}
        assert all(row["error"].startswith("Unaddressed: ") for row in listed)
        runtime = SimpleNamespace(database=database)
        await commands._list([consumer])
        assert "taproot.test.box.moved.v1.0" in capsys.readouterr().out
        with pytest.raises(commands.Refused):
            await commands._tend("replay", listed[0]["number"], [consumer], runtime)
        for row in listed:
            await commands._tend("discard", row["number"], [consumer], runtime)
        assert await consumer.letters.list() == []

    async def test_infrastructure_failures_pause_and_do_not_count(
        self, database, relay, as_system, make_consumer, monkeypatch
    ):
        monkeypatch.setattr(consumers, "MAX_PAUSE_SECONDS", 0.01)
        failures = {"left": ATTEMPTS + 3}

        async def handler(event, work):
            if failures["left"]:
                failures["left"] -= 1
                raise Unavailable("down")
            await note(event, work)

        keys = await make_boxes(database, 1, "paused")
        rows = await plain(database, "SELECT * FROM event_log WHERE aggregate_id = ANY($1)", keys)
        consumer = make_consumer(handler)
        await consumer._apply_alone(Event.from_row("test", rows[0]))
        assert await effects_of(database, keys) == [(keys[0], 1)]
        assert await consumer.letters.list() == []

    async def test_what_a_dead_runner_had_taken_comes_again_at_once_and_in_order(
        self, database, relay, as_system, make_consumer
    ):
        taken = asyncio.Event()

        async def hangs(event, work):
            taken.set()
            await asyncio.sleep(60)

        keys = await make_boxes(database, 3, "dead", events=2)
        await relay.publish_batch()
        first = make_consumer(hangs)
        async with running(first.run()):
            await asyncio.wait_for(taken.wait(), 10)
        for key in keys:
            async with database.unit() as work:
                again = await work.scalar(select(Box).where(Box.id == key, visible(Box)))
                again.record("moved", database.clock.now())
        await relay.publish_batch()
        async with running(make_consumer(name=first.subscription.name).run()):
            await until(lambda: seen(database, keys, 9), 10)
        found = await effects_of(database, keys)
        assert all([v for k, v in found if k == key] == [1, 2, 3] for key in keys)

    async def test_what_a_broken_connection_lost_comes_before_what_is_newer(
        self, database, relay, bus, as_system, make_consumer
    ):
        await relay.publish_batch()
        consumer = make_consumer()
        first = await make_boxes(database, 1, "known")
        await relay.publish_batch()
        async with running(consumer.run()):
            await until(lambda: seen(database, first, 1), 10)
        await make_boxes(database, 2, "lost", events=2)
        await relay.publish_batch()
        pull = Pull(bus.client, stream_of("test"), f"test-{consumer.subscription.name}")
        lost = await pull.fetch(2, 5.0)  # on its way, and never acknowledged
        before = bus.client.stats["reconnects"]
        bus.client._transport._io_writer.transport.abort()
        await until(lambda: _reconnected(bus, before), 10)
        again: list[str] = []
        async with asyncio.timeout(20):
            while len(again) < 4:
                again += [message.headers["ce-id"] for message in await pull.fetch(10, 5.0)]
        await pull.close()
        assert again[: len(lost)] == [message.headers["ce-id"] for message in lost]
        assert len(set(again)) == len(again) == 4


async def _reconnected(bus, before: int) -> bool:
    return bus.client.is_connected and bus.client.stats["reconnects"] > before


async def letters(consumer: Consumer, count: int) -> bool:
    return len(await consumer.letters.list()) >= count


async def test_the_wire_form_round_trips(database, as_system):
    keys = await make_boxes(database, 1)
    async with database.reading() as reader:
        row = await reader.fetch_row(
            select(event_log).where(event_log.c.aggregate_id == bindparam("key")), key=keys[0]
        )
        assert await reader.fetch(select(Box.id).where(Box.id == keys[0], visible(Box)))
    event = Event.from_row("test", row)
    assert Event.from_wire(event.headers(), event.payload) == event
    assert event.headers()["Nats-Msg-Id"] == str(event.id)
