"""Which events webhooks listen to: all that somebody can read a record for."""

from __future__ import annotations

from taproot_chassis.consumers import SubscriberKind, Subscription
from taproot_chassis.events import Event
from taproot_gateway.events.catalog import Catalog
from taproot_gateway.webhooks import deliveries
from taproot_storage.database import UnitOfWork


def subscriptions(catalog: Catalog) -> list[Subscription]:
    async def route(event: Event, work: UnitOfWork) -> None:
        if catalog.find(event.source, event.type) is not None:
            await deliveries.route(event, work)

    return [
        Subscription("webhooks", source, ("*",), route, SubscriberKind.REACTION) for source in catalog.sources
    ]
