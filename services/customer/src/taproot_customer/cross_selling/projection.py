"""Keeps the names of products, and which are still sold."""

from __future__ import annotations

from taproot.sales.events.v1.product_event_pb2 import ProductEvent
from taproot_chassis.events import Event
from taproot_chassis.projections import put_newer
from taproot_customer.cross_selling.model import product_refs
from taproot_storage.database import UnitOfWork

TABLES = (product_refs,)
EVENTS = ("product.*",)
_put = put_newer(product_refs)


async def on_product(event: Event, work: UnitOfWork) -> None:
    """Handler of the projection `products` on the stream of sales."""
    product = event.decode(ProductEvent).product
    gone = event.name == "deleted" or product.HasField("delete_time") or product.discontinued
    await work.execute(
        _put,
        id=event.aggregate_id,
        version=event.version,
        display_name=product.display_name,
        sold=not gone,
    )
