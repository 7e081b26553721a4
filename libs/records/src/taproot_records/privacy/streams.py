"""Messages about a person that are still in the service's stream, deleted one by one by their sequence."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from taproot_base.errors import Unavailable
from taproot_base.ids import SHARDS, shard_of
from taproot_chassis.bus import Bus
from taproot_chassis.events import stream_of

BATCH = 500
WAIT_SECONDS = 2.0


async def forget(bus: Bus, service: str, keys: frozenset[uuid.UUID], parties: frozenset[uuid.UUID]) -> int:
    """Delete what names one of `keys` as its aggregate or one of `parties` as its party; how many there were.

    Raises Unavailable when the server cannot be asked.
    """
    try:
        # Other records of a party may lie in any shard; those of `keys` alone are in theirs.
        shards = range(SHARDS) if parties else sorted({shard_of(key) for key in keys})
        found = [
            sequence
            async for sequence, headers in _headers(bus, service, shards)
            if _is_about(headers, set(map(str, keys)), set(map(str, parties)))
        ]
        for sequence in found:
            await _delete(bus, stream_of(service), sequence)
    except (NatsError, TimeoutError, OSError) as error:
        raise Unavailable("the messages in flight cannot be reached; repeat later") from error
    return len(found)


async def _delete(bus: Bus, stream: str, sequence: int) -> None:
    try:
        await bus.jetstream.delete_msg(stream, sequence)
    except APIError:
        with suppress(NotFoundError):  # it grew too old meanwhile, or somebody else has deleted it
            await bus.jetstream.get_msg(stream, sequence)
            raise


def _is_about(headers: dict[str, str], keys: set[str], parties: set[str]) -> bool:
    return headers.get("ce-subject") in keys or headers.get("ce-party") in parties


async def _headers(bus: Bus, service: str, shards: Any) -> AsyncIterator[tuple[int, dict[str, str]]]:
    """Every message there is, without its payload."""
    config = ConsumerConfig(
        ack_policy=AckPolicy.NONE,
        deliver_policy=DeliverPolicy.ALL,
        headers_only=True,
        filter_subjects=[f"taproot.{service}.*.*.v1.{shard}" for shard in shards],
        inactive_threshold=30,
    )
    stream = stream_of(service)
    info = await bus.jetstream.add_consumer(stream, config)
    pull = await bus.jetstream.pull_subscribe_bind(consumer=info.name, stream=stream)
    left = info.num_pending or 0
    try:
        while left:
            try:
                batch = await pull.fetch(min(BATCH, left), timeout=WAIT_SECONDS)
            except TimeoutError:  # as when what was waiting is deleted meanwhile
                left = (await bus.jetstream.consumer_info(stream, info.name)).num_pending or 0
                if left:
                    raise
                return
            for message in batch:
                left = message.metadata.num_pending
                yield message.metadata.sequence.stream, message.headers or {}
    finally:
        await pull.unsubscribe()
        with suppress(NotFoundError):
            await bus.jetstream.delete_consumer(stream, info.name)
