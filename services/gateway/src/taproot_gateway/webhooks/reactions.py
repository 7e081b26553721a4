"""Which events webhooks listen to: all that somebody can read a record for."""

from __future__ import annotations

from collections.abc import Sequence

from taproot_chassis.consumers import SubscriberKind, Subscription
from taproot_chassis.events import Event
from taproot_gateway.events.catalog import Catalog
from taproot_gateway.webhooks import deliveries
from taproot_storage.database import UnitOfWork


def subscriptions(catalog: Catalog) -> list[Subscription]:
    async def route(events: Sequence[Event], work: UnitOfWork) -> None:
        """Each delivery goes on in the trace of its own event."""
        known = [event for event in events if catalog.find(event.source, event.type) is not None]
        await deliveries.route(known, work)

    async def route_one(event: Event, work: UnitOfWork) -> None:
        await route([event], work)

    return [
        Subscription("webhooks", source, ("*",), route_one, SubscriberKind.REACTION, (), route, mixed=True)
        for source in catalog.sources
    ]
