"""NATS: does it answer, has it room, do its readers keep up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nats.errors import Error as NatsError

from taproot_local.doctor.findings import Finding, ok, warning, wrong
from taproot_local.listening import UNREACHABLE, connected

LAG = 10_000
FULL_SHARE = 0.8
ABOUT = "NATS"


async def examine(url: str, streams: Iterable[str], tls: Path | None = None) -> list[Finding]:
    try:
        client = await connected(url, tls)
    except UNREACHABLE as error:
        said = f"cannot be reached ({type(error).__name__}: {error})"
        return [wrong(ABOUT, said, "start nats-server, or correct TAPROOT_NATS_URL")]
    try:
        return await _examine(client.jetstream(), set(streams))
    except NatsError as error:
        return [
            wrong(
                ABOUT, f"JetStream does not answer ({error})", "start nats-server with JetStream switched on"
            )
        ]
    finally:
        await client.close()


async def _examine(jetstream: Any, wanted: set[str]) -> list[Finding]:
    account = await jetstream.account_info()
    found = _room(account)
    known = {one.config.name: one for one in await jetstream.streams_info()}
    for name in sorted(wanted - known.keys()):
        remedy = f"start the service that publishes it: it makes the stream {name} itself"
        found.append(wrong(ABOUT, f"the stream {name} is missing", remedy))
    for name in sorted(wanted & known.keys()):
        for consumer in await jetstream.consumers_info(name):
            if consumer.num_pending > LAG:
                said = f"the consumer {consumer.name} of {name} is {consumer.num_pending} messages behind"
                found.append(warning(ABOUT, said, "docs/operations/runbooks/consumer-behind.md"))
    return found or [ok(ABOUT, f"reachable, {len(wanted)} streams, no reader is behind")]


def _room(account: Any) -> list[Finding]:
    most = account.limits.max_storage
    if most and most > 0 and account.storage > most * FULL_SHARE:
        said = f"JetStream uses {account.storage // 1_000_000} of {most // 1_000_000} MB"
        return [wrong(ABOUT, said, "raise max_file_store: events can no longer be announced when it is full")]
    return []
