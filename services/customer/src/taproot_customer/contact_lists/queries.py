"""Reads of contact lists: each source by an index of its owner."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Interval, Uuid, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement

from taproot_customer.agendas.queries import Of
from taproot_customer.contact_lists.ranking import LOST_AFTER, Days
from taproot_customer.customers.model import Customer
from taproot_customer.facts.fields import WITH_FACTS
from taproot_customer.facts.model import customer_facts
from taproot_customer.tasks.model import OPEN, Task
from taproot_storage.database import Reader
from taproot_storage.schema import redirects
from taproot_storage.visibility import visible

MOST = 5000
_c, _f, _t = Customer.__table__.c, customer_facts.c, Task.__table__.c
_COLUMNS = (
    _c.id, _c.display_name, _c.kind, _c.owner_id, _c.create_time, _f.order_count, _f.first_order_time,
    _f.last_order_time, _f.last_contact_time, _f.revenue_365_days,
)  # fmt: skip
Rows = Sequence[Any]


async def open_tasks(reader: Reader, of: Of, days: Days) -> Rows:
    """Of customers, by when they are due; what is overdue among them when the days have today in them."""
    window = days.window
    due = [_t.due_time < window.before]
    if not days.with_today:
        due.append(_t.due_time >= window.since)
    statement = select(_t.id, _t.display_name, _t.due_time, _t.customer_id).where(
        of(_t), *due, _t.state == OPEN, _t.customer_id.is_not(None), _t.delete_time.is_(None), visible(Task)
    )
    found: Rows = await reader.fetch(statement.order_by(_t.due_time).limit(MOST + 1))
    return found


async def roots(reader: Reader, ids: set[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The survivor of each that was merged; of others themselves."""
    asked = bindparam(None, list(ids), type_=ARRAY(Uuid))
    statement = select(redirects.c.member_id, redirects.c.root_id).where(
        redirects.c.member_id == func.any(asked)
    )
    return {key: key for key in ids} | {row[0]: row[1] for row in await reader.fetch(statement)}


async def of_ids(reader: Reader, ids: set[uuid.UUID]) -> Rows:
    """However many: they were counted where they come from."""
    return await _customers(
        reader, _c.id == func.any(bindparam(None, list(ids), type_=ARRAY(Uuid))), len(ids)
    )


async def by_history(reader: Reader, of: Of, days: Days, *, orders: bool, patience: int | None) -> Rows:
    """Customers whose orders or silence may make them due; the best buyers first.

    `patience`: days of silence; None: silence is no reason.
    """
    due: list[ColumnElement[bool]] = []
    if orders:
        span = (_f.last_order_time - _f.first_order_time).self_group()
        every = span.op("/", return_type=Interval())(func.nullif(_f.order_count - 1, 0)).self_group()
        lost = every.op("*", return_type=Interval())(LOST_AFTER)
        due += [_within(_f.last_order_time + after, days) for after in (every, lost)]
    if patience is not None:
        since = func.coalesce(_f.last_contact_time, _c.create_time)
        due.append(_within(since, days, dt.timedelta(days=patience)))
    return await _customers(reader, and_(of(_c), or_(*due)), MOST + 1) if due else ()


def _within(moment: Any, days: Days, after: dt.timedelta = dt.timedelta()) -> ColumnElement[bool]:
    """`moment` and so many days, by the calendar, are among the days or overdue today."""
    before = moment < days.start_of(days.last - after + dt.timedelta(days=1))
    return before if days.with_today else and_(moment >= days.start_of(days.first - after), before)


async def _customers(reader: Reader, which: ColumnElement[bool], most: int) -> Rows:
    statement = (
        select(*_COLUMNS)
        .select_from(WITH_FACTS)
        .where(which, _c.delete_time.is_(None), visible(Customer))
        .order_by(_f.revenue_365_days.desc().nulls_last(), _c.id)
        .limit(most)
    )
    found: Rows = await reader.fetch(statement)
    return found
