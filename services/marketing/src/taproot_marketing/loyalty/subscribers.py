"""Reactions of loyalty to payments and merges of customers."""

from __future__ import annotations

import uuid
from decimal import Decimal

from taproot.sales.events.v1.payment_event_pb2 import PaymentEvent
from taproot_chassis.events import Event
from taproot_marketing.customer_refs.awaiting import awaited_customer
from taproot_marketing.customer_refs.merges import awaited_merge
from taproot_marketing.loyalty import handlers
from taproot_marketing.loyalty.handlers import Payment
from taproot_marketing.loyalty.merging import follow_merge
from taproot_storage.database import UnitOfWork


async def on_merge(event: Event, work: UnitOfWork) -> None:
    await follow_merge(await awaited_merge(event, work), work)


async def on_payment(event: Event, work: UnitOfWork) -> None:
    """One reader for a payment and its reversal, so that neither overtakes the other.

    An account opened before its customer is known would not follow the customer's name and owner.
    """
    if event.name == "reversed":
        await handlers.take_back_for_payment(_payment(event), work)
        return
    payment = _payment(event)
    await awaited_customer(payment.customer_id, work)
    await handlers.earn_for_payment(payment, work)


def _payment(event: Event) -> Payment:
    payment = event.decode(PaymentEvent).payment
    return Payment(
        payment.id,
        payment.number,
        uuid.UUID(payment.customer_id),
        Decimal(payment.amount.amount or 0),
        payment.amount.currency_code,
    )
