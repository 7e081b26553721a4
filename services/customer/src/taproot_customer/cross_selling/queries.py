"""Reads and statements of cross-selling."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Text,
    bindparam,
    cast,
    delete,
    distinct,
    func,
    insert,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from taproot_customer.analysis.figures import Cell
from taproot_customer.cross_selling.model import cross_sell_runs, cross_sells, product_refs
from taproot_customer.customers.model import Customer
from taproot_customer.purchases.model import purchases
from taproot_customer.purchases.queries import Sight, records
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.mixed import visible_mixed
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

PAGE = 2000
SHOWN = 20
ROWS = 5000
REASON = "counts over all customers tell of none of them"
_s, _p, _c = cross_sells.c, purchases.c, Customer.__table__.c

_run = Statement(lambda: select(cross_sell_runs))
_clear = Statement(lambda: delete(cross_sells))
_add = Statement(lambda: insert(cross_sells).values({column.name: bindparam(column.name) for column in _s}))


def _note_statement() -> Any:
    columns = ("refresh_time", "customer_count")
    put = upsert(cross_sell_runs).values({"only": True} | {name: bindparam(name) for name in columns})
    return put.on_conflict_do_update(
        index_elements=["only"], set_={name: put.excluded[name] for name in columns}
    )


_note = Statement(_note_statement)


async def last_run(reader: Reader) -> dt.datetime | None:
    row = await reader.fetch_row(_run)
    return row["refresh_time"] if row is not None else None


async def customers_after(reader: Reader, after: uuid.UUID | None) -> list[uuid.UUID]:
    """Of the next living customers by id."""
    later = true() if after is None else _c.id > after
    wanted = select(_c.id).where(_c.delete_time.is_(None), later, unscoped(Customer, REASON))
    rows = await reader.fetch(wanted.order_by(_c.id).limit(literal_column(str(PAGE))))
    return [row[0] for row in rows]


async def baskets(
    reader: Reader, customers: Sequence[uuid.UUID], since: dt.date
) -> list[frozenset[uuid.UUID]]:
    """What each of them bought since then, with all that was merged into it."""
    keys = records(customers, Sight(REASON))
    product = func.unnest(_p.product_ids).table_valued("id", name="product").render_derived()
    wanted = (
        select(func.array_agg(distinct(product.c.id)))
        .select_from(keys.join(purchases, _p.customer_id == keys.c.key).join(product, true()))
        .where(_p.counted, _p.day > since, unscoped(purchases, REASON))
        .group_by(keys.c.root)
    )
    return [frozenset(row[0]) for row in await reader.fetch(wanted)]


async def replace(work: UnitOfWork, offers: Sequence[Cell], customers: int, at: dt.datetime) -> None:
    await work.execute(_clear)
    for begin in range(0, len(offers), ROWS):
        await work.execute_many(_add, [_row(one) for one in offers[begin : begin + ROWS]])
    await work.execute(_note, refresh_time=at, customer_count=customers)


def _row(cell: Cell) -> dict[str, Any]:
    return {
        "owned_id": uuid.UUID(cell.row),
        "offered_id": uuid.UUID(cell.column),
        "customer_count": cell.order_count,
        "support": cell.share,
        "confidence": cell.confidence,
        "lift": cell.lift,
    }


def offers_to(members: Any, close: Any) -> Any:
    """For the page: [product, its name, what the customer owns, its name, customers, support, confidence, lift].

    From the purchases the caller may read; without what anybody sold to the customer. A product that follows from
    several is there once, by what speaks most for it.
    """
    of_members = _p.customer_id.in_(select(members.c.id)) & _p.counted
    seen = select(func.unnest(_p.product_ids)).where(of_members, visible_mixed(purchases, close))
    owned_by_all = "what a customer owns is not offered again, whoever sold it"
    owned = select(func.unnest(_p.product_ids)).where(of_members, unscoped(purchases, owned_by_all))
    offered, known = product_refs.alias("offered"), product_refs.alias("known")
    each = (
        select(
            _s.offered_id, offered.c.display_name.label("name"), _s.owned_id,
            known.c.display_name.label("owned"), _s.customer_count, _s.support, _s.confidence, _s.lift,
        )
        .ext(distinct_on(_s.offered_id))
        .select_from(cross_sells.join(offered, offered.c.id == _s.offered_id).join(known, known.c.id == _s.owned_id))
        .where(offered.c.sold, _s.owned_id == func.any(_array(seen)), _s.offered_id != func.all(_array(owned)))
        .order_by(_s.offered_id, _s.confidence.desc(), _s.lift.desc(), _s.owned_id)
        .subquery("each_once")
    )  # fmt: skip
    order = (each.c.confidence.desc(), each.c.lift.desc(), each.c.offered_id)
    first = select(each).order_by(*order).limit(literal_column(str(SHOWN))).subquery("first_offers")
    shown = (cast(column, Text) for column in first.c)
    best = (first.c.confidence.desc(), first.c.lift.desc(), first.c.offered_id)
    rows = aggregate_order_by(func.jsonb_build_array(*shown), *best)
    return select(func.jsonb_agg(rows)).scalar_subquery()


def _array(ids: Any) -> Any:
    """Collected first: of a subquery PostgreSQL would suppose thousands of rows and read the whole table to join."""
    return func.array(ids.scalar_subquery())
