"""How far behind the slowest consumer is: events since then must be announced again after a restore."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nats.errors import Error as NatsError

from taproot_local.errors import LocalError
from taproot_local.listening import UNREACHABLE, connected
from taproot_local.services import SERVICES

MARGIN = timedelta(minutes=10)
RETENTION = timedelta(days=7)
"""What a stream keeps: who is further behind than that has to be rebuilt anyway."""


def stream_of(peer: str) -> str:
    return peer.upper()


async def replay_from(nats_url: str, now: datetime, tls: Path | None = None) -> datetime:
    """Asked before the snapshots are taken: consumers only go forward. Raises LocalError without NATS."""
    client = await _connected(nats_url, tls)
    try:
        return max(min(await _oldest(client.jetstream(), now), now) - MARGIN, now - RETENTION)
    finally:
        await client.close()


async def refuse_filled(nats_url: str, tls: Path | None = None) -> None:
    """What a stream holds from after the backup's point would be news of things that never happened."""
    client = await _connected(nats_url, tls)
    try:
        ours = {stream_of(service.peer) for service in SERVICES}
        found = sorted(ours & {one.config.name for one in await client.jetstream().streams_info()})
    finally:
        await client.close()
    if found:
        raise LocalError(
            f"NATS still holds the streams {', '.join(found)}: delete them first (`nats stream rm`). Nothing was changed."
        )


async def _connected(nats_url: str, tls: Path | None) -> Any:
    try:
        return await connected(nats_url, tls)
    except UNREACHABLE as error:
        raise LocalError(f"NATS cannot be reached: {error!r}") from None


async def _oldest(jetstream: Any, now: datetime) -> datetime:
    oldest = now
    for stream in await jetstream.streams_info():
        for consumer in await jetstream.consumers_info(stream.config.name):
            if consumer.num_pending or consumer.num_ack_pending:
                first = max(consumer.ack_floor.stream_seq + 1, stream.state.first_seq)
                oldest = min(oldest, await _time_of(jetstream, stream.config.name, first, now))
    return oldest


async def _time_of(jetstream: Any, stream: str, sequence: int, now: datetime) -> datetime:
    try:
        message = await jetstream.get_msg(stream, sequence)
        return datetime.fromisoformat(message.headers["ce-time"])
    except (NatsError, KeyError, TypeError, ValueError):
        return now - RETENTION
