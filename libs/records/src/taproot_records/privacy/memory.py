"""Hashes of erased subjects in a stream of their own that never forgets: how a restored database learns of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress

from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from taproot_chassis.bus import Bus

STREAM = "ERASURES"
SUBJECT = "taproot-erasures"
WAIT_SECONDS = 5.0


async def ensure(bus: Bus, replicas: int = 1) -> None:
    try:
        await bus.jetstream.stream_info(STREAM)
    except NotFoundError:
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{SUBJECT}.*"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=replicas,
        )
        await bus.jetstream.add_stream(config)


async def publish(bus: Bus, erasure: uuid.UUID, hashes: Iterable[bytes]) -> None:
    """One hash a line. A repeat is a message more and says nothing new."""
    await ensure(bus)
    content = "\n".join(sorted(one.hex() for one in hashes)).encode()
    await bus.jetstream.publish(f"{SUBJECT}.{erasure}", content)


async def read(bus: Bus) -> set[bytes]:
    """All that were ever published."""
    await ensure(bus)
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=30)
    info = await bus.jetstream.add_consumer(STREAM, config)
    pull = await bus.jetstream.pull_subscribe_bind(consumer=info.name, stream=STREAM)
    found: set[bytes] = set()
    left = info.num_pending or 0
    try:
        while left:
            for message in await pull.fetch(min(500, left), timeout=WAIT_SECONDS):
                left = message.metadata.num_pending
                found |= parsed(message.data.decode())
    finally:
        await pull.unsubscribe()
        with suppress(NotFoundError, NatsTimeout):
            await bus.jetstream.delete_consumer(STREAM, info.name)
    return found


def parsed(text: str) -> set[bytes]:
    """Hashes of a list: the first word of each line."""
    return {bytes.fromhex(line.split()[0]) for line in text.splitlines() if line.strip()}
