"""The three classic faults of event-driven systems, planted into a started service. Tests only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any


def hurry(service: str) -> None:
    """A run of a minute has no time for minutes of grace."""
    if service == "marketing":
        from taproot_marketing.deliveries import rules

        rules.BACKOFF = (timedelta(seconds=2),) * len(rules.BACKOFF)
        rules.CONSENT_PATIENCE = timedelta(seconds=3)


def plant(bug: str, service: str) -> None:
    BUGS[bug](service)


def _acknowledge_before_commit(_service: str) -> None:
    from taproot_chassis.consumers import Consumer

    handle: Any = Consumer._take

    async def take(self: Any, messages: Sequence[Any]) -> None:
        for message in messages:
            await message.ack()
        await handle(self, messages)

    Consumer._take = take  # type: ignore[method-assign]


def _relay_by_last_number(_service: str) -> None:
    """`WHERE number > <the last one seen>`: what commits after a younger row is never seen."""
    from sqlalchemy import func, select

    from taproot_chassis import relay
    from taproot_storage.schema import event_log
    from taproot_storage.statements import Statement

    def build() -> Any:
        published = select(func.coalesce(func.max(event_log.c.number), 0)).where(
            event_log.c.published_at.is_not(None)
        )
        newer = event_log.c.number > published.scalar_subquery()
        return select(event_log).where(newer).order_by(event_log.c.number).limit(relay.BATCH)

    relay._select_unpublished = Statement(build)


def _send_before_claim(service: str) -> None:
    if service != "marketing":
        return
    from taproot_base.context import calling
    from taproot_marketing.deliveries.sending import Sender

    async def send_due(self: Any) -> int:
        with calling(self._runtime.system_call()):
            async with self._database.unit() as work:
                found = await _look(self, work)
                await work.abandon()  # looked at, not written down
            answers = dict(
                zip([one.id for one in found], await asyncio.gather(*map(self._converse, found)), strict=True)
            )
            claimed, others = await self._claim()
            for message in claimed:
                if message.id in answers:
                    await self.settle(message, answers[message.id])
                else:
                    await self._send(message)
        return len(claimed) + others

    Sender.send_due = send_due  # type: ignore[method-assign]


async def _look(sender: Any, work: Any) -> list[Any]:
    from taproot_marketing.deliveries import queries

    now = work.clock.now()
    rows = await queries.due(work, now, sender._settings.mail_parallel)
    allowed = [row for row in rows if await sender._may_go(row, work)]
    found = [await sender._claim_one(row, now, work) for row in allowed]
    return [one for one in found if one is not None]


BUGS: dict[str, Callable[[str], None]] = {
    "ack-before-commit": _acknowledge_before_commit,
    "relay-by-last-number": _relay_by_last_number,
    "send-before-claim": _send_before_claim,
}
