"""Reactions to the sales service's deliveries and returns."""

from __future__ import annotations

import uuid
from decimal import Decimal

from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1.order_pb2 import FulfilmentLine
from taproot.sales.v1.product_pb2 import ProductKind
from taproot_base.wire import optional_date, optional_uuid
from taproot_chassis.events import Event
from taproot_records.mapping import short_name
from taproot_servicedesk.entitlements.handlers import (
    DeliveredLine,
    Delivery,
    grant_entitlements,
    take_back_entitlements,
)
from taproot_storage.database import UnitOfWork


async def react(event: Event, work: UnitOfWork) -> None:
    """Handler of the subscription `deliveries`."""
    change = event.decode(OrderEvent)
    if not change.HasField("fulfilment") or not change.order.customer_id:
        return
    delivery = delivery_of(change, event)
    if event.name == "fulfilled":
        await grant_entitlements(delivery, work)
    else:
        await take_back_entitlements(delivery, work)


def delivery_of(change: OrderEvent, event: Event) -> Delivery:
    order, fulfilment = change.order, change.fulfilment
    return Delivery(
        fulfilment_id=uuid.UUID(fulfilment.id),
        order_id=uuid.UUID(order.id),
        customer_id=uuid.UUID(order.customer_id),
        day=optional_date(fulfilment, "fulfil_date") or event.occurred_at.date(),
        lines=[_line(line) for line in fulfilment.lines],
        owner_id=optional_uuid(order.owner_id),
        branch_id=optional_uuid(order.branch_id),
        team_id=optional_uuid(order.team_id),
    )


def _line(line: FulfilmentLine) -> DeliveredLine:
    return DeliveredLine(
        line_id=uuid.UUID(line.line_id),
        product_id=optional_uuid(line.product_id),
        product_code=line.product_code,
        product_kind=short_name(ProductKind.DESCRIPTOR, line.product_kind),
        display_name=line.display_name,
        months=line.entitlement_months,
        quantity=Decimal(line.quantity),
    )
