"""Reads of orders: SQL straight to rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import order_pb2 as pb
from taproot.sales.v1 import product_pb2
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.reading import resource_of
from taproot_sales.orders.model import Fulfilment, Order, OrderLine
from taproot_sales.sales_lines.model import totals_fields
from taproot_storage.database import Reader
from taproot_storage.statements import Statement

_c = Order.__table__.c
_l = OrderLine.__table__.c
_f = Fulfilment.__table__.c
columns = [column for column in _c if column.name not in ("invoiced", "movements")]

RESOURCE = resource_of(
    "order",
    Order,
    pb.Order,
    "id number display_name customer_id contact_id opportunity_id quote_id approval_id external_id state currency_code "
    "customer_reference historic order_date requested_date fulfil_date owner_id branch_id team_id create_time "
    "update_time custom",
    references=("customer_id",),
).with_fields(*totals_fields(_c))

_OF_ORDER = (
    "customer_id",
    "owner_id",
    "branch_id",
    "team_id",
    "currency_code",
    "order_date",
    "fulfil_date",
    "state",
    "historic",
)
LINES = Resource(
    "order_line",
    [
        *(field for field in RESOURCE.fields if field.name in _OF_ORDER),
        Field("order_id", _l.order_id, FieldType.ID),
        Field("product_id", _l.product_id, FieldType.ID),
        Field("product_code", _l.product_code, FieldType.TEXT),
        Field("product_kind", _l.product_kind, FieldType.ENUM, enum=product_pb2.ProductKind),
        Field("display_name", _l.display_name, FieldType.TEXT),
        *(
            Field(name, _l[name], FieldType.NUMBER, sensitive_class="financial")
            for name in ("unit_price", "discount_rate", "net", "tax", "exact_net")
        ),
        *(
            Field(name, _l[name], FieldType.NUMBER)
            for name in ("quantity", "tax_rate", "fulfilled_quantity", "returned_quantity")
        ),
    ],
    default_order="order_id",
    id_column=_l.id,
)  # fmt: skip

MOVEMENTS = Resource(
    "fulfilment",
    [
        Field("sequence", _f.sequence, FieldType.INTEGER),
        Field("is_return", _f.is_return, FieldType.BOOLEAN),
        Field("fulfil_date", _f.fulfil_date, FieldType.DATE),
        Field("create_time", _f.create_time, FieldType.INSTANT),
    ],
    default_order="sequence",
    id_column=_f.id,
)

_lines = Statement(
    lambda: (
        select(OrderLine.__table__)
        .where(_l.order_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
        .order_by(_l.order_id, _l.position)
    )
)


ROWS = select(*columns)


def lines_with_orders() -> Select[Any]:
    return select(OrderLine.__table__).join(Order.__table__, _c.id == _l.order_id)


async def lines_of(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Any]]:
    """Lines of orders that were read under the caller's scope."""
    found: dict[uuid.UUID, list[Any]] = {key: [] for key in ids}
    for row in await reader.fetch(_lines, ids=list(ids)):
        found[row["order_id"]].append(row)
    return found


def movements_of(order_id: uuid.UUID) -> Select[Any]:
    """Deliveries and returns of an order that was read under the caller's scope."""
    return select(Fulfilment.__table__).where(_f.order_id == order_id)
