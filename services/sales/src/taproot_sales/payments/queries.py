"""Reads of payments: SQL straight to rows."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam, select

from taproot.sales.v1 import payment_pb2 as pb
from taproot_listing.fields import Field, FieldType
from taproot_records.reading import resource_of
from taproot_sales.payments.model import Allocation, Payment
from taproot_storage.database import Reader
from taproot_storage.statements import Statement

_c = Payment.__table__.c
_a = Allocation.__table__.c

RESOURCE = resource_of(
    "payment",
    Payment,
    pb.Payment,
    "id number display_name customer_id external_id currency_code method reference amount payment_date state owner_id "
    "branch_id team_id create_time update_time custom",
    references=("customer_id",),
).with_fields(
    Field("unallocated_amount", _c.unallocated, FieldType.NUMBER, sensitive_class="financial"),
)
_allocations = Statement(
    lambda: (
        select(Allocation.__table__)
        .where(_a.source_id == bindparam("source_id"), _a.reverse_time.is_(None))
        .order_by(_a.create_time, _a.id)
    )
)


async def allocations_of(reader: Reader, payment_id: uuid.UUID) -> list[Any]:
    """Live allocations of a payment that was read under the caller's scope."""
    return await reader.fetch(_allocations, source_id=payment_id)
