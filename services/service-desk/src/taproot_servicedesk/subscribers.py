"""What this service listens to: event type -> handler."""

from __future__ import annotations

from taproot_chassis.consumers import SubscriberKind, Subscription
from taproot_servicedesk.customer_refs.model import CUSTOMERS, customer_access
from taproot_servicedesk.customer_refs.subscribers import CustomerProjection
from taproot_servicedesk.entitlements import subscribers as entitlements
from taproot_servicedesk.settings import ServiceDeskSettings
from taproot_servicedesk.surveys import subscribers as surveys


def subscriptions(settings: ServiceDeskSettings) -> list[Subscription]:
    return [
        Subscription(
            name="customers",
            source="customer",
            events=("customer.*",),
            handler=CustomerProjection(settings.default_region).apply,
            kind=SubscriberKind.PROJECTION,
            tables=(*CUSTOMERS.tables, customer_access),
        ),
        Subscription(
            name="deliveries",
            source="sales",
            events=("order.fulfilled", "order.returned"),
            handler=entitlements.react,
            kind=SubscriberKind.REACTION,
        ),
        Subscription(
            name="surveys",
            source="servicedesk",
            events=("ticket.resolved", "ticket.closed"),
            handler=surveys.react,
            kind=SubscriberKind.REACTION,
        ),
    ]
