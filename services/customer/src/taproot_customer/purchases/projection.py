"""Keeps the purchases: the newest state of each order wins, in whatever order events arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot_chassis.events import Event
from taproot_chassis.projections import put_newer
from taproot_customer.purchases.model import purchases
from taproot_customer.purchases.reading import purchase_of
from taproot_customer.timeline.permissions import place_of
from taproot_storage.database import UnitOfWork

TABLES = (purchases,)
EVENTS = ("order.*",)
_put = put_newer(purchases, keys=("order_id",))


async def on_order(event: Event, work: UnitOfWork) -> None:
    """Handler of the projection `purchases` on the stream of sales."""
    if event.party_id is None:
        return
    order = event.decode(OrderEvent).order
    row = purchase_of(order, event.occurred_at)
    if event.name == "deleted":
        row["counted"] = False
    key = {"order_id": event.aggregate_id, "version": event.version, "customer_id": event.party_id}
    await put_all([key | row | place_of(event)], work)


async def put_all(rows: Sequence[Mapping[str, Any]], work: UnitOfWork) -> None:
    """Rows of many orders at once."""
    await work.execute_many(_put, [dict(row) for row in rows])
