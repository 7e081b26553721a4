"""The relay when NATS answers nothing, or is not there."""

from __future__ import annotations

import uuid

import pytest_asyncio
from boxes import box, plain

from taproot_chassis.relay import Relay


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def relay(database, bus):
    await bus.ensure_stream("test")
    return Relay("test", database, bus)


async def store(database, count: int) -> list[uuid.UUID]:
    made = [box(f"box{number}") for number in range(count)]
    async with database.unit() as work:
        await work.add(*made)
    return [one.id for one in made]


async def test_lost_acknowledgements_do_not_use_the_relay_up(database, bus, relay, as_system, monkeypatch):
    monkeypatch.setattr("taproot_chassis.relay.ACK_SECONDS", 0.1)
    publish = bus.client.publish

    async def into_the_void(*_args, **_kwargs):
        return None

    monkeypatch.setattr(bus.client, "publish", into_the_void)
    keys = await store(database, 3)
    assert await relay.publish_batch() == 3
    assert bus.jetstream.publish_async_pending() == 0
    assert await unpublished(database, keys) == 3
    monkeypatch.setattr(bus.client, "publish", publish)
    await relay.publish_batch()
    assert await unpublished(database, keys) == 0


async def test_without_a_connection_the_relay_keeps_everything(database, bus, relay, as_system, monkeypatch):
    monkeypatch.setattr(type(bus.client), "is_connected", False)
    keys = await store(database, 2)
    await relay.publish_batch()
    monkeypatch.undo()
    assert await unpublished(database, keys) == 2
    await relay.publish_batch()
    assert await unpublished(database, keys) == 0


async def unpublished(database, keys) -> int:
    sql = "SELECT count(*) FROM event_log WHERE published_at IS NULL AND aggregate_id = ANY($1)"
    return (await plain(database, sql, keys))[0][0]
