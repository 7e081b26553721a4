"""Which events of other services are handled, and by what."""

from __future__ import annotations

from collections.abc import Sequence

from taproot_chassis.consumers import SubscriberKind, Subscription
from taproot_marketing.consents.model import ConsentRef
from taproot_marketing.consents.subscribers import apply_consent
from taproot_marketing.customer_refs.model import CUSTOMERS, customer_access
from taproot_marketing.customer_refs.subscribers import apply_customer
from taproot_marketing.entitlement_refs.model import EntitlementRef
from taproot_marketing.entitlement_refs.subscribers import apply_entitlement
from taproot_marketing.journeys import triggers
from taproot_marketing.loyalty.subscribers import on_merge, on_payment
from taproot_marketing.scores import handlers as scores
from taproot_marketing.segments.model import SegmentMember
from taproot_marketing.segments.subscribers import apply_member

PROJECTION, REACTION = SubscriberKind.PROJECTION, SubscriberKind.REACTION
MERGES = ("customer.merged", "customer.unmerged")

PROJECTIONS: Sequence[Subscription] = (
    Subscription(
        "customers",
        "customer",
        ("customer.*",),
        apply_customer,
        PROJECTION,
        (*CUSTOMERS.tables, customer_access),
    ),
    Subscription("consents", "customer", ("consent.*",), apply_consent, PROJECTION, (ConsentRef.__table__,)),
    Subscription(
        "segments", "customer", ("segment_member.*",), apply_member, PROJECTION, (SegmentMember.__table__,)
    ),
    Subscription(
        "entitlements",
        "servicedesk",
        ("entitlement.*",),
        apply_entitlement,
        PROJECTION,
        (EntitlementRef.__table__,),
    ),
)

REACTIONS: Sequence[Subscription] = (
    *(
        Subscription(f"journeys-{source}", source, ("*",), triggers.on_event, REACTION)
        for source in ("customer", "sales", "servicedesk", "marketing")
    ),
    *(
        Subscription(f"scores-{source}", source, ("*",), scores.on_event, REACTION)
        for source in ("customer", "sales", "servicedesk", "marketing")
    ),
    Subscription("segment-journeys", "customer", ("segment_member.entered",), triggers.on_member, REACTION),
    Subscription("loyalty-merges", "customer", MERGES, on_merge, REACTION),
    Subscription("score-merges", "customer", MERGES, scores.on_merge, REACTION),
    Subscription("loyalty-payments", "sales", ("payment.received", "payment.reversed"), on_payment, REACTION),
)

SUBSCRIPTIONS = (*PROJECTIONS, *REACTIONS)
