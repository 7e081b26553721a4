"""Reads of orders: SQL straight to rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import order_pb2 as pb
from taproot.sales.v1 import product_pb2
from taproot_base.errors import NotFound
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.references import reference_field
from taproot_sales.orders.model import Fulfilment, Order, OrderLine
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

_c = Order.__table__.c
_l = OrderLine.__table__.c
_f = Fulfilment.__table__.c
columns = [column for column in _c if column.name not in ("invoiced", "movements")]

_ID = (
    "id",
    "contact_id",
    "opportunity_id",
    "quote_id",
    "approval_id",
    "owner_id",
    "branch_id",
    "team_id",
)
_TEXT = ("number", "display_name", "external_id", "currency_code", "customer_reference")
_NUMBER = ("gross", "discount", "net", "tax", "total", "exact_net", "discount_share")
_DATE = ("order_date", "requested_date", "fulfil_date")
_FIELDS = [
    reference_field(_c.customer_id),
    *(Field(name, _c[name], FieldType.ID, sortable=False) for name in _ID),
    *(Field(name, _c[name], FieldType.TEXT) for name in _TEXT),
    *(Field(name, _c[name], FieldType.NUMBER) for name in _NUMBER),
    *(Field(name, _c[name], FieldType.DATE) for name in _DATE),
    Field("state", _c.state, FieldType.ENUM, enum=pb.OrderState),
    Field("historic", _c.historic, FieldType.BOOLEAN),
    Field("create_time", _c.create_time, FieldType.INSTANT),
    Field("update_time", _c.update_time, FieldType.INSTANT),
    Field("custom", _c.custom, FieldType.JSON),
]
RESOURCE = Resource("order", _FIELDS, default_order="create_time desc", id_column=_c.id)

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
        *(field for field in _FIELDS if field.name in _OF_ORDER),
        Field("order_id", _l.order_id, FieldType.ID),
        Field("product_id", _l.product_id, FieldType.ID),
        Field("product_code", _l.product_code, FieldType.TEXT),
        Field("product_kind", _l.product_kind, FieldType.ENUM, enum=product_pb2.ProductKind),
        Field("display_name", _l.display_name, FieldType.TEXT),
        *(
            Field(name, _l[name], FieldType.NUMBER)
            for name in (
                "quantity", "unit_price", "discount_rate", "tax_rate", "net", "tax", "exact_net",
                "fulfilled_quantity", "returned_quantity",
            )
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

_get = Statement(lambda: select(*columns).where(_c.id == bindparam("order_id"), visible(Order)))
_lines = Statement(
    lambda: (
        select(OrderLine.__table__)
        .where(_l.order_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
        .order_by(_l.order_id, _l.position)
    )
)


def listed() -> Select[Any]:
    return select(*columns)


def lines_with_orders() -> Select[Any]:
    return select(OrderLine.__table__).join(Order.__table__, _c.id == _l.order_id)


async def get_order(reader: Reader, order_id: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, order_id=order_id)
    if row is None:
        raise NotFound("order", order_id)
    return row


async def lines_of(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Any]]:
    """Lines of orders that were read under the caller's scope."""
    found: dict[uuid.UUID, list[Any]] = {key: [] for key in ids}
    for row in await reader.fetch(_lines, ids=list(ids)):
        found[row["order_id"]].append(row)
    return found


def movements_of(order_id: uuid.UUID) -> Select[Any]:
    """Deliveries and returns of an order that was read under the caller's scope."""
    return select(Fulfilment.__table__).where(_f.order_id == order_id)
