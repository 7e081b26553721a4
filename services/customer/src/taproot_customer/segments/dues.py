"""When time alone may move a customer in or out of a segment."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Uuid, bindparam, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot_customer.customers.model import Customer
from taproot_customer.facts import fields as facts
from taproot_customer.segments import queries
from taproot_customer.segments.model import Segment, segment_dues
from taproot_listing.filter_turns import next_turn_sql
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

_c, _t, _d = Customer.__table__.c, Segment.__table__.c, segment_dues.c
_REASON = "time moves every customer of the segment's branch"

_due = Statement(
    lambda: (
        select(_d.customer_id)
        .where(_d.due_time <= bindparam("now"))
        .order_by(_d.due_time)
        .limit(bindparam("most"))
    )
)
_of = Statement(lambda: select(segment_dues).where(_d.customer_id == bindparam("customer")))
_put = Statement(
    lambda: (
        made := insert(segment_dues).values({c.name: bindparam(c.name) for c in _d})
    ).on_conflict_do_update(
        index_elements=["segment_id", "customer_id"], set_={"due_time": made.excluded.due_time}
    )
)
_remove = Statement(
    lambda: delete(segment_dues).where(
        _d.customer_id == bindparam("customer"),
        _d.segment_id == func.any(bindparam("segments", type_=ARRAY(Uuid))),
    )
)
_clear = Statement(lambda: delete(segment_dues).where(_d.segment_id == bindparam("segment")))
_gone = Statement(
    lambda: delete(segment_dues).where(
        _d.customer_id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        ~select(_c.id).where(_c.id == _d.customer_id, unscoped(Customer, _REASON)).exists(),
    )
)
_first = Statement(lambda: select(func.min(_d.due_time)).where(_d.segment_id == bindparam("segment")))
_show = Statement(
    lambda: (
        update(Segment)
        .where(_t.id == func.any(bindparam("segments", type_=ARRAY(Uuid))), unscoped(Segment, _REASON))
        .values(
            next_change_time=select(func.min(_d.due_time)).where(_d.segment_id == _t.id).scalar_subquery()
        )
    )
)


async def due_customers(reader: Reader, now: datetime, most: int) -> list[uuid.UUID]:
    return sorted({row[0] for row in await reader.fetch(_due, now=now, most=most)})


async def refill(work: UnitOfWork, segment: Segment, now: datetime) -> datetime | None:
    """Anew for every customer of the segment; the first instant."""
    await work.execute(_clear, segment=segment.id)
    turn = next_turn_sql(queries.checked(segment.filter), now)
    if turn is None:
        return None
    living = (_c.delete_time.is_(None), queries.in_branch(segment.branch_path), unscoped(Customer, _REASON))
    rows: Any = (
        select(literal(segment.id, Uuid()), _c.id, turn)
        .select_from(facts.WITH_FACTS)
        .where(*living, turn.is_not(None))
    )
    await work.execute(insert(segment_dues).from_select(["segment_id", "customer_id", "due_time"], rows))
    found: datetime | None = await work.fetch_value(_first, segment=segment.id)
    return found


async def forget(work: UnitOfWork, segment_id: uuid.UUID) -> None:
    await work.execute(_clear, segment=segment_id)


async def forget_gone(work: UnitOfWork, customers: Sequence[uuid.UUID]) -> None:
    """Of customers that are no more."""
    await work.execute(_gone, ids=list(customers))


async def replace(
    work: UnitOfWork, customer: uuid.UUID, wanted: Mapping[uuid.UUID, datetime]
) -> set[uuid.UUID]:
    """What waits for one customer; the segments for which that differs."""
    stored = {row["segment_id"]: row["due_time"] for row in await work.fetch(_of, customer=customer)}
    if stored == wanted:
        return set()
    old = [key for key in stored if key not in wanted]
    news = {key: due for key, due in wanted.items() if stored.get(key) != due}
    if old:
        await work.execute(_remove, customer=customer, segments=old)
    rows = [{"segment_id": key, "customer_id": customer, "due_time": due} for key, due in news.items()]
    await work.execute_many(_put, rows)
    return {*old, *news}


async def show(work: UnitOfWork, segments: Iterable[uuid.UUID]) -> None:
    """The first instant of each, on the segment."""
    await work.execute(_show, segments=sorted(segments))
