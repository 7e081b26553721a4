"""What waits: committed changes nobody was told of, messages nobody took, events set aside.

Every process of a service tells it, whatever its role and whoever holds the leases: a worker that is gone, hangs
or was never started shows in the figures of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from prometheus_client import Gauge
from sqlalchemy import func, select

from taproot_base import telemetry
from taproot_storage.schema import event_log
from taproot_storage.statements import Statement

if TYPE_CHECKING:
    from taproot_chassis.bus import Bus
    from taproot_chassis.consumers import Consumer
    from taproot_storage.database import Database

MEASURE_SECONDS = 10.0
LONGEST_SECONDS = 10.0

_backlog = Gauge("taproot_outbox_backlog", "Events committed and not yet published")
_oldest = Gauge("taproot_outbox_oldest_seconds", "Age of the oldest unpublished event")
_lag = Gauge("taproot_consumer_lag", "Messages that have not taken effect", ["consumer"])
_set_aside = Gauge(
    "taproot_dead_letters", "Events that could not take effect (dead) and later ones behind them (parked)",
    ["consumer", "state"],
)  # fmt: skip

_unpublished = Statement(
    lambda: select(func.count(), func.min(event_log.c.occurred_at)).where(event_log.c.published_at.is_(None))
)


class Measuring:
    """`own`: what the service measures of its own tables."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        consumers: Sequence[Consumer],
        own: Sequence[Callable[[Database], Awaitable[None]]] = (),
    ) -> None:
        self._database = database
        self._bus = bus
        self._consumers = consumers
        self._own = own

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._tried(self._outbox())
            for measure in self._own:
                await self._tried(measure(self._database))
            for consumer in self._consumers:
                await self._tried(self._waiting(consumer))
                await self._tried(self._letters(consumer))
            await asyncio.sleep(MEASURE_SECONDS)

    async def _tried(self, measurement: Awaitable[None]) -> None:
        """One figure that cannot be had, for a lock or a server that is gone, keeps back no other."""
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await measurement
        except Exception as error:
            telemetry.logger.info("not_measured", error=type(error).__name__)

    async def _outbox(self) -> None:
        async with self._database.reading() as reader:
            row = await reader.fetch_row(_unpublished)
        _backlog.set(row[0])
        age = (self._database.clock.now() - row[1]).total_seconds() if row[1] else 0
        _oldest.set(max(age, 0))

    async def _waiting(self, consumer: Consumer) -> None:
        """Handed out and not acknowledged counts too. Before its first run a consumer does not exist."""
        with suppress(NatsError, TimeoutError):
            info = await self._bus.jetstream.consumer_info(consumer.stream, consumer.durable)
            _lag.labels(consumer.subscription.consumer).set(info.num_pending + info.num_ack_pending)

    async def _letters(self, consumer: Consumer) -> None:
        """Letters come and go by an operator's hand too."""
        for state, number in (await consumer.letters.count()).items():
            _set_aside.labels(consumer.subscription.consumer, state).set(number)
