"""Which events of which service go to which handler."""

from __future__ import annotations

from taproot_chassis.consumers import SubscriberKind, Subscription
from taproot_customer import following
from taproot_customer.care_dates.reactions import Deriver
from taproot_customer.consents import reactions as consents
from taproot_customer.cross_selling import projection as products
from taproot_customer.facts import projection as facts
from taproot_customer.merging import reactions as merging
from taproot_customer.merging.model import customer_blocks, customer_traits
from taproot_customer.pools import reactions as pools
from taproot_customer.profiles import projection as profiles
from taproot_customer.purchases import projection as purchases
from taproot_customer.segments import handlers as segments
from taproot_customer.settings import CustomerSettings
from taproot_customer.tasks import reactions as tasks
from taproot_customer.timeline import projection as timeline

PROJECTION, REACTION = SubscriberKind.PROJECTION, SubscriberKind.REACTION
STREAMS = ("customer", "sales", "servicedesk", "marketing")

SUBSCRIPTIONS = [
    *(
        Subscription(
            "timeline",
            source,
            ("*",),
            timeline.on_event,
            PROJECTION,
            timeline.TABLES,
            timeline.on_events,
            mixed=True,
        )
        for source in STREAMS
    ),
    *(
        Subscription("profile", source, events, profiles.on_event, PROJECTION, profiles.TABLES)
        for source, events in profiles.EVENTS.items()
    ),
    *(
        Subscription(
            facts.NAME, source, events, facts.on_event, PROJECTION, facts.TABLES, facts.on_events, mixed=True
        )
        for source, events in facts.EVENTS.items()
    ),
    Subscription("purchases", "sales", purchases.EVENTS, purchases.on_order, PROJECTION, purchases.TABLES),
    Subscription("products", "sales", products.EVENTS, products.on_product, PROJECTION, products.TABLES),
    Subscription(
        "duplicates",
        "customer",
        ("customer.*",),
        merging.on_customer_changed,
        PROJECTION,
        (customer_blocks, customer_traits),
        merging.on_customers_changed,
        mixed=True,
    ),
    Subscription(
        "segments",
        "customer",
        ("customer.*",),
        segments.on_customer_changed,
        REACTION,
        together=segments.on_customers_changed,
    ),
    Subscription("claim-touches", "customer", ("activity.*",), pools.on_activity, REACTION),
    Subscription("followers", "customer", ("customer.assigned",), following.on_customer_assigned, REACTION),
    Subscription(
        "journey-tasks", "marketing", ("journey.task_requested",), tasks.on_task_requested, REACTION
    ),
    Subscription("unsubscribes", "marketing", ("suppression.created",), consents.on_suppressed, REACTION),
    Subscription("form-consents", "marketing", ("form.submitted",), consents.on_form_submitted, REACTION),
    Subscription("lead-consents", "sales", ("lead.converted",), consents.on_lead_converted, REACTION),
]


def subscriptions(settings: CustomerSettings) -> list[Subscription]:
    """With those that need to know the enterprise's own time zone."""
    derive = Deriver(settings.default_time_zone)
    return [
        *SUBSCRIPTIONS,
        Subscription(
            "care-dates", "customer", ("customer.*", "contact.*"), derive, REACTION, together=derive.together
        ),
        Subscription("care-dates", "servicedesk", ("entitlement.*",), derive, REACTION),
    ]
