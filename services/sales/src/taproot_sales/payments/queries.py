"""Reads of payments: SQL straight to rows."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, bindparam, select

from taproot.sales.v1 import payment_pb2 as pb
from taproot_base.errors import NotFound
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.references import reference_field
from taproot_sales.payments.model import Allocation, Payment
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

_c = Payment.__table__.c
_a = Allocation.__table__.c

RESOURCE = Resource(
    "payment",
    [
        reference_field(_c.customer_id),
        *(
            Field(name, _c[name], FieldType.ID, sortable=False)
            for name in ("id", "owner_id", "branch_id", "team_id")
        ),
        *(
            Field(name, _c[name], FieldType.TEXT)
            for name in ("number", "display_name", "external_id", "currency_code", "method")
        ),
        *(Field(name, _c[name], FieldType.INSTANT) for name in ("create_time", "update_time")),
        Field("reference", _c.reference, FieldType.TEXT, sensitive_class="financial"),
        Field("amount", _c.amount, FieldType.NUMBER),
        Field("unallocated_amount", _c.unallocated, FieldType.NUMBER),
        Field("payment_date", _c.payment_date, FieldType.DATE),
        Field("state", _c.state, FieldType.ENUM, enum=pb.PaymentState),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="create_time desc",
    id_column=_c.id,
)

_get = Statement(lambda: select(Payment.__table__).where(_c.id == bindparam("payment_id"), visible(Payment)))
_allocations = Statement(
    lambda: (
        select(Allocation.__table__)
        .where(_a.source_id == bindparam("source_id"), _a.reverse_time.is_(None))
        .order_by(_a.create_time, _a.id)
    )
)


def listed() -> Select[Any]:
    return select(Payment.__table__)


async def get_payment(reader: Reader, payment_id: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, payment_id=payment_id)
    if row is None:
        raise NotFound("payment", payment_id)
    return row


async def allocations_of(reader: Reader, payment_id: uuid.UUID) -> list[Any]:
    """Live allocations of a payment that was read under the caller's scope."""
    return await reader.fetch(_allocations, source_id=payment_id)
