"""Products as messages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.product_event_pb2 import ProductEvent
from taproot.sales.v1 import product_pb2 as pb
from taproot_base.wire import enum_number, to_money, to_timestamp
from taproot_sales import fields
from taproot_storage.eventlog import Recorded


def _rate(message: pb.Product, name: str) -> dict[str, Any]:
    return {name: Decimal(message.tax_rate or "0")}


def _unit(message: pb.Product, name: str) -> dict[str, Any]:
    return {name: message.unit or "piece"}


def _components(message: pb.Product, name: str) -> dict[str, Any]:
    return {name: [{"product_id": c.product_id, "quantity": c.quantity or "1"} for c in message.components]}


SPECIAL: Mapping[str, fields.Convert] = {
    "kind": fields.choice(pb.ProductKind, "PRODUCT_KIND_", "goods"),
    "tax_rate": _rate,
    "unit": _unit,
    "list_price": fields.money("list_price", "currency_code"),
    "components": _components,
    "custom": fields.custom,
}
_PLAIN = ("display_name", "code", "name_zh", "name_en", "unit", "category", "entitlement_months", "description", "discontinued")  # fmt: skip


def to_message(product: Any) -> pb.Product:
    return pb.Product(
        id=str(product.id),
        kind=enum_number(pb.ProductKind, product.kind, "PRODUCT_KIND_"),
        tax_rate=f"{product.tax_rate:f}",
        list_price=to_money(product.list_price, product.currency_code),
        components=[pb.BundleComponent(**part) for part in product.components],
        custom=fields.to_struct(product.custom),
        create_time=to_timestamp(product.create_time),
        update_time=to_timestamp(product.update_time),
        delete_time=to_timestamp(product.delete_time),
        etag=product.etag,
        **fields.read(product, _PLAIN),
    )


def to_event(product: Any, _recorded: Recorded) -> ProductEvent:
    return ProductEvent(product=to_message(product))
