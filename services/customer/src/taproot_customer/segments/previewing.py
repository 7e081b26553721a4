"""What a segment would hold and cost, before it is saved."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal_column, select

from taproot_base.errors import InvalidArgument
from taproot_customer.customers import queries as customers
from taproot_customer.customers.model import Customer
from taproot_customer.facts import fields as facts
from taproot_customer.segments import queries
from taproot_customer.segments.model import COMBINED, Segment
from taproot_listing.filter_sql import filter_sql
from taproot_storage.database import Reader
from taproot_storage.visibility import visible

COUNT_CAP = 10_000
_c = Customer.__table__.c


@dataclass(frozen=True)
class Preview:
    count: int
    samples: Sequence[Any]
    expected: int
    cost: float
    moving: bool


async def of_filter(reader: Reader, text: str, size: int) -> Preview:
    """Among the customers the caller sees. Raises InvalidListing naming what is unknown or hidden."""
    checked = queries.written(text)
    rows = facts.listed().where(filter_sql(checked, reader.clock.now()), visible(Customer))
    return await _of(reader, rows, size, moving=checked.moving)


async def of_combination(reader: Reader, operator: str, operands: Sequence[uuid.UUID], size: int) -> Preview:
    seen = await queries.names_of(reader, operands)
    hidden = [place for place, key in enumerate(operands) if key not in seen]
    if hidden:
        raise InvalidArgument(
            (f"operand_ids[{place}]", f"segment {operands[place]} does not exist or is not visible to you")
            for place in hidden
        )
    segment = Segment(kind=COMBINED, operator=operator, operand_ids=list(operands), branch_path="")
    inside = queries.combined(segment).subquery("found")
    rows = customers.listed().where(_c.id.in_(select(inside.c.customer_id)), visible(Customer))
    return await _of(reader, rows, size, moving=False)


async def _of(reader: Reader, rows: Any, size: int, *, moving: bool) -> Preview:
    keys = rows.with_only_columns(_c.id, maintain_column_froms=True)
    some = keys.limit(literal_column(str(COUNT_CAP))).subquery()
    count = int(await reader.fetch_value(select(func.count()).select_from(some)))
    samples = await reader.fetch(rows.limit(literal_column(str(size))))
    expected, cost = await reader.explain(keys)
    return Preview(count, samples, count if count < COUNT_CAP else max(expected, COUNT_CAP), cost, moving)
