"""Reads of quotes: SQL straight to rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import quote_pb2 as pb
from taproot_listing.fields import Field, FieldType
from taproot_records.reading import resource_of
from taproot_sales.quotes.model import Quote, QuoteLine
from taproot_sales.sales_lines.model import totals_fields
from taproot_storage.database import Reader
from taproot_storage.statements import Statement

_c = Quote.__table__.c
_l = QuoteLine.__table__.c

RESOURCE = resource_of(
    "quote",
    Quote,
    pb.Quote,
    "id number display_name customer_id contact_id opportunity_id order_id approval_id previous_version_id state "
    "currency_code valid_until owner_id branch_id team_id create_time update_time send_time close_time custom",
    references=("customer_id",),
).with_fields(Field("version", _c.revision, FieldType.INTEGER), *totals_fields(_c))

_lines = Statement(
    lambda: (
        select(QuoteLine.__table__)
        .where(_l.quote_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
        .order_by(_l.quote_id, _l.position)
    )
)


async def lines_of(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Any]]:
    """Lines of quotes that were read under the caller's scope."""
    found: dict[uuid.UUID, list[Any]] = {key: [] for key in ids}
    for row in await reader.fetch(_lines, ids=list(ids)):
        found[row["quote_id"]].append(row)
    return found
