"""What this service reads: event types -> handler."""

from __future__ import annotations

from taproot_chassis.consumers import SubscriberKind, Subscription
from taproot_sales.customer_refs import subscribers as customer_refs
from taproot_sales.customer_refs.model import CUSTOMERS
from taproot_sales.leads import reactions as leads

SUBSCRIPTIONS = (
    Subscription(
        name="customer-refs",
        source="customer",
        events=("customer.*",),
        handler=customer_refs.apply_customer,
        kind=SubscriberKind.PROJECTION,
        tables=CUSTOMERS.tables,
    ),
    Subscription(
        name="leads-from-forms",
        source="marketing",
        events=("form.submitted",),
        handler=leads.capture_form,
        kind=SubscriberKind.REACTION,
    ),
)
