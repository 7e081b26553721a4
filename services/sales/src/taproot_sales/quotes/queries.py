"""Reads of quotes: SQL straight to rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import quote_pb2 as pb
from taproot_base.errors import NotFound
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.references import reference_field
from taproot_sales.quotes.model import Quote, QuoteLine
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

_c = Quote.__table__.c
_l = QuoteLine.__table__.c

_ID = (
    "id", "contact_id", "opportunity_id", "order_id", "approval_id", "previous_version_id",
    "owner_id", "branch_id", "team_id",
)  # fmt: skip
_NUMBER = ("gross", "discount", "net", "tax", "total", "exact_net", "discount_share")
RESOURCE = Resource(
    "quote",
    [
        reference_field(_c.customer_id),
        *(Field(name, _c[name], FieldType.ID, sortable=False) for name in _ID),
        *(Field(name, _c[name], FieldType.TEXT) for name in ("number", "display_name", "currency_code")),
        *(Field(name, _c[name], FieldType.NUMBER) for name in _NUMBER),
        *(
            Field(name, _c[name], FieldType.INSTANT)
            for name in ("create_time", "update_time", "send_time", "close_time")
        ),
        Field("version", _c.revision, FieldType.INTEGER),
        Field("valid_until", _c.valid_until, FieldType.DATE),
        Field("state", _c.state, FieldType.ENUM, enum=pb.QuoteState),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="create_time desc",
    id_column=_c.id,
)

_get = Statement(lambda: select(Quote.__table__).where(_c.id == bindparam("quote_id"), visible(Quote)))
_lines = Statement(
    lambda: (
        select(QuoteLine.__table__)
        .where(_l.quote_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
        .order_by(_l.quote_id, _l.position)
    )
)


def listed() -> Select[Any]:
    return select(Quote.__table__)


async def get_quote(reader: Reader, quote_id: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, quote_id=quote_id)
    if row is None:
        raise NotFound("quote", quote_id)
    return row


async def lines_of(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Any]]:
    """Lines of quotes that were read under the caller's scope."""
    found: dict[uuid.UUID, list[Any]] = {key: [] for key in ids}
    for row in await reader.fetch(_lines, ids=list(ids)):
        found[row["quote_id"]].append(row)
    return found
