"""Products as messages."""

from __future__ import annotations

from taproot.sales.events.v1.product_event_pb2 import ProductEvent
from taproot.sales.v1 import product_pb2 as pb
from taproot_records.mapping import message_of, row_of
from taproot_sales.catalog.model import Product
from taproot_storage.eventlog import Recorded


def to_message(product: Product) -> pb.Product:
    return message_of(pb.Product, row_of(product))


def to_event(product: Product, _recorded: Recorded) -> ProductEvent:
    return ProductEvent(product=to_message(product))
