"""Reading events: durable, in order per aggregate, each exactly once in effect.

One batch is one transaction; the inbox row of each event is in it, the acknowledgement comes after it.
A batch that fails is retried one event at a time. An event that goes on failing becomes a dead letter and
later events of its aggregate are parked behind it, so nothing overtakes and nothing is dropped.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import asyncpg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import ARRAY, DateTime, Text, Uuid, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import insert

from taproot_base import telemetry
from taproot_base.context import Call, calling
from taproot_base.errors import DeadlineExceeded, EtagMismatch, ResourceExhausted, Unavailable
from taproot_chassis.deadletters import DeadLetters, Stray
from taproot_chassis.events import Event, stream_of, subject_filter
from taproot_chassis.pulling import Pull
from taproot_storage.erased import is_erased
from taproot_storage.idempotency import lock_key
from taproot_storage.schema import inbox
from taproot_storage.statements import Statement

if TYPE_CHECKING:
    from taproot_chassis.bus import Bus
    from taproot_storage.database import Database, UnitOfWork

BATCH = 100
FETCH_SECONDS = 5.0
ACK_WAIT_SECONDS = 60.0
ATTEMPTS = 5
MAX_PAUSE_SECONDS = 5.0
HELD_SECONDS = 10.0
NEW_TRACE_AFTER_SECONDS = 60.0
INFRASTRUCTURE = (
    Unavailable,
    ResourceExhausted,
    DeadlineExceeded,
    EtagMismatch,
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
)

_handled = Counter("taproot_consumer_events_total", "Events that took effect", ["consumer"])
_retries = Counter("taproot_consumer_retries_total", "Attempts that failed", ["consumer"])
_oldest = Gauge(
    "taproot_consumer_oldest_seconds", "Age of the oldest event in hand that is not done soon; 0: none is",
    ["consumer"],
)  # fmt: skip
_delay = Histogram("taproot_consumer_delay_seconds", "From the change to its effect", ["consumer"])

Handler = Callable[[Event, "UnitOfWork"], Awaitable[None]]
BatchHandler = Callable[[Sequence[Event], "UnitOfWork"], Awaitable[None]]


class SubscriberKind(Enum):
    PROJECTION = "projection"
    """Applies only newer state; may be emptied and rebuilt by replay."""
    REACTION = "reaction"
    """Acts once, guarded by a business key of its own; never fed by a rebuild."""


@dataclass(frozen=True)
class Subscription:
    """`events`: types such as `order.confirmed`, `order.*` or `*`. `tables`: what a rebuild empties.

    `together`: does for many events what `handler` does for each, in fewer round trips. It is called with
    neighbours of one trace, as a run over many records leaves behind; or with a whole batch where its effects
    go on in no trace (`mixed`).
    """

    name: str
    source: str
    events: tuple[str, ...]
    handler: Handler
    kind: SubscriberKind
    tables: tuple[Any, ...] = ()
    together: BatchHandler | None = None
    mixed: bool = False

    @property
    def consumer(self) -> str:
        return f"{self.name}:{self.source}"


def _note_statement() -> Any:
    """Inbox rows of a batch in one round trip; answers which of them are new. Those about erased subjects never are."""
    given = (
        func.unnest(
            bindparam("ids", type_=ARRAY(Uuid())),
            bindparam("times", type_=ARRAY(DateTime(timezone=True))),
            bindparam("parties", type_=ARRAY(Uuid())),
            bindparam("aggregates", type_=ARRAY(Uuid())),
        )
        .table_valued(
            column("event_id", Uuid),
            column("occurred_at", DateTime(timezone=True)),
            column("party", Uuid),
            column("aggregate", Uuid),
        )
        .render_derived(name="given")
    )
    rows = select(bindparam("consumer", type_=Text()), given.c.event_id, given.c.occurred_at).where(
        ~is_erased(given.c.party, given.c.aggregate)
    )
    columns = [inbox.c.consumer, inbox.c.event_id, inbox.c.occurred_at]
    return insert(inbox).from_select(columns, rows).on_conflict_do_nothing().returning(inbox.c.event_id)


_note = Statement(_note_statement)
_TRACE = len("00-") + 32


class Consumer:
    """Runs one subscription. Hold the lease `consumer:<name>` while running it."""

    def __init__(
        self, service: str, subscription: Subscription, database: Database, bus: Bus, call: Callable[[], Call]
    ) -> None:
        self._service = service
        self.subscription = subscription
        self._database = database
        self._bus = bus
        self._call = call
        self.letters = DeadLetters(database, subscription.consumer)
        self.lock = lock_key("consumer", subscription.consumer)
        self._handled = _handled.labels(subscription.consumer)
        self._retries = _retries.labels(subscription.consumer)  # at 0: from nothing to 5 would be no increase
        self._delay = _delay.labels(subscription.consumer)
        self._hand: tuple[datetime, float] | None = None

    @property
    def stream(self) -> str:
        return stream_of(self.subscription.source)

    @property
    def durable(self) -> str:
        return f"{self._service}-{self.subscription.name}"

    async def run(self) -> None:
        _oldest.labels(self.subscription.consumer).set_function(self._age)
        await self._bus.wait_for_stream(self.subscription.source)
        pull = await self._subscribe()
        try:
            await self.letters.load()
            while True:
                try:
                    messages = await pull.fetch(BATCH, timeout=FETCH_SECONDS)
                except (TimeoutError, NatsError) as error:
                    if not isinstance(error, TimeoutError):
                        await asyncio.sleep(0.5)
                    continue
                await self._take(messages)
        finally:
            self._hand = None
            await pull.close()

    def _age(self) -> float:
        """Age is the event's own and outlives restarts; but old events that are done at once are a catching-up."""
        if self._hand is None or time.monotonic() - self._hand[1] < HELD_SECONDS:
            return 0.0
        return max((self._database.clock.now() - self._hand[0]).total_seconds(), 0.0)

    async def _subscribe(self) -> Pull:
        source = self.subscription.source
        config = ConsumerConfig(
            durable_name=self.durable,
            ack_policy=AckPolicy.EXPLICIT,
            deliver_policy=DeliverPolicy.ALL,
            ack_wait=ACK_WAIT_SECONDS,
            max_deliver=-1,
            max_ack_pending=1000,
            filter_subjects=[subject_filter(source, event) for event in self.subscription.events],
        )
        await self._bus.jetstream.add_consumer(self.stream, config)
        pull = Pull(self._bus.client, self.stream, self.durable)
        await pull.rewind()
        return pull

    async def _take(self, messages: Sequence[Any]) -> None:
        """Handle messages until each has taken effect or is set aside, then acknowledge."""
        events = [event for message in messages if (event := await self._read(message)) is not None]
        now = self._database.clock.now()
        self._hand = (min((event.occurred_at for event in events), default=now), time.monotonic())
        try:
            await self.apply(events)
        except Exception as error:
            telemetry.logger.info("batch_failed", consumer=self.subscription.consumer, error=repr(error))
            for event in events:
                await self._apply_alone(event)
        self._hand = None
        for message in messages:
            await message.ack()

    async def _read(self, message: Any) -> Event | None:
        """None for a message without an event's headers: it is set aside, or it would stop the reader for good."""
        try:
            return Event.from_wire(message.headers or {}, message.data)
        except (KeyError, ValueError) as error:
            telemetry.logger.error(
                "stray_message", consumer=self.subscription.consumer, subject=message.subject
            )
            await self.letters.bury_stray(Stray.of(message, error))
            return None

    async def _apply_alone(self, event: Event) -> None:
        """Infrastructure failures pause; only failures of the event itself count as attempts."""
        attempts, pause = 0, 0.1
        self._hand = (event.occurred_at, time.monotonic())
        while True:
            try:
                await self.apply([event])
            except INFRASTRUCTURE as error:
                telemetry.logger.warning(
                    "consumer_paused", consumer=self.subscription.consumer, error=type(error).__name__
                )
            except Exception as error:
                attempts += 1
                self._retries.inc()
                if attempts >= ATTEMPTS:
                    telemetry.logger.exception("dead_letter", event_id=str(event.id), type=event.type)
                    await self.letters.bury(event, error)
                    return
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    async def apply(self, events: Sequence[Event], *, tended: bool = False) -> None:
        """One transaction: inbox rows and effects together.

        `tended`: an operator feeds it and holds `lock` meanwhile (`held`), so that what arrives must wait.
        Nothing is parked then: letters are what is being replayed.
        """
        with calling(self._call()):
            async with self._database.unit([] if tended else [self.lock]) as work:
                new = await self._new(events, work, parked=not tended)
                traces = _neighbours(new) if self.subscription.together else [[one] for one in new]
                for some in [traces] if self.subscription.mixed and new else [[one] for one in traces]:
                    await self._handle(some, work)
        now = self._database.clock.now()
        for event in events:
            self._handled.inc()
            self._delay.observe(max(0, (now - event.occurred_at).total_seconds()))

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keeps every process from applying events of this subscription until the block ends."""
        connection = await self._database.connect_direct()
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", self.lock)
            yield
        finally:
            await connection.close()

    async def _new(self, events: Sequence[Event], work: UnitOfWork, *, parked: bool) -> list[Event]:
        """Those to handle, in order: not seen before, and not parked behind a dead letter."""
        going = [e for e in events if not (parked and await self.letters.park_behind(e, work))]
        rows = await work.fetch(
            _note,
            consumer=self.subscription.consumer,
            ids=[event.id for event in going],
            times=[event.occurred_at for event in going],
            parties=[event.party_id for event in going],
            aggregates=[event.aggregate_id for event in going],
        )
        fresh = {row[0] for row in rows}
        return list({event.id: event for event in going if event.id in fresh}.values())

    async def _handle(self, traces: Sequence[Sequence[Event]], work: UnitOfWork) -> None:
        """The events of each trace have a span of their own."""
        events = [event for some in traces for event in some]
        with ExitStack() as spans:
            for some in traces:
                spans.enter_context(self._span(some))
            if self.subscription.together is not None and len(events) > 1:
                await self.subscription.together(events, work)
            else:
                await self.subscription.handler(events[0], work)
            await work.flush()

    def _span(self, events: Sequence[Event]) -> telemetry.span:
        event = events[0]
        late = (self._database.clock.now() - event.occurred_at).total_seconds() > NEW_TRACE_AFTER_SECONDS
        attributes = {"messaging.system": "nats", "messaging.message.id": str(event.id)}
        if len(events) > 1:
            attributes["messaging.batch.message_count"] = str(len(events))
        elif event.party_id:
            attributes[telemetry.party_attribute] = str(event.party_id)
        return telemetry.span(
            f"consume {event.type} by {self.subscription.name}",
            attributes,
            kind=SpanKind.CONSUMER,
            parent=None if late else telemetry.remote_context(event.traceparent),
            links=telemetry.remote_link(event.traceparent) if late else None,
        )


def _neighbours(events: Sequence[Event]) -> list[list[Event]]:
    """Cut where the trace changes."""
    return [list(some) for _, some in itertools.groupby(events, lambda event: event.traceparent[:_TRACE])]
