"""Rebuilding a projection: emptied, then fed again from the publishers' history. Reactions are never fed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, true

from taproot.operations.v1 import event_service_pb2 as pb
from taproot.operations.v1.event_service_pb2_grpc import EventsServiceStub
from taproot_chassis.consumers import Consumer, SubscriberKind, Subscription
from taproot_chassis.events import Event
from taproot_storage.schema import inbox
from taproot_storage.statements import Statement
from taproot_storage.visibility import scope_rules, unscoped

if TYPE_CHECKING:
    from taproot_base.client import Peers
    from taproot_storage.database import Database

BATCH = 200
_forget = Statement(lambda: delete(inbox).where(inbox.c.consumer == bindparam("name")))


async def rebuild(consumers: Sequence[Consumer], database: Database, peers: Peers) -> int:
    """Empty the read model of one projection and apply its history; returns how many events that were.

    `consumers` are all subscriptions that feed the same tables. Live events wait until the end; what the
    history held of them is known by the inbox.
    """
    subscriptions = [consumer.subscription for consumer in consumers]
    if any(s.kind is not SubscriberKind.PROJECTION for s in subscriptions):
        raise ValueError("only projections can be rebuilt")
    async with AsyncExitStack() as held:
        for consumer in sorted(consumers, key=lambda one: one.lock):
            await held.enter_async_context(consumer.held())
        await _empty(subscriptions, database)
        return sum([await _feed(consumer, peers) for consumer in consumers])


async def _empty(subscriptions: Sequence[Subscription], database: Database) -> None:
    async with database.unit() as work:
        for table in {t.name: t for s in subscriptions for t in s.tables}.values():
            scoped = table in scope_rules()
            where = unscoped(table, "a rebuild empties the whole read model") if scoped else true()
            await work.execute(delete(table).where(where))
        for subscription in subscriptions:
            await work.execute(_forget, name=subscription.consumer)


async def _feed(consumer: Consumer, peers: Peers) -> int:
    subscription = consumer.subscription
    stub = EventsServiceStub(peers.channel(subscription.source))
    request = pb.ReplayEventsRequest(types=list(subscription.events))
    batch: list[Event] = []
    count = 0
    async for answer in stub.ReplayEvents(request, metadata=peers.metadata(as_service=True)):
        batch.append(Event.from_wire(dict(answer.headers), answer.payload))
        if len(batch) == BATCH:
            await consumer.apply(batch, tended=True)
            count += len(batch)
            batch = []
    if batch:
        await consumer.apply(batch, tended=True)
    return count + len(batch)
