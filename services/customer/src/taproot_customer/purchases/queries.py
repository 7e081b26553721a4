"""Reads of purchases: figures by customer, over a page of customers and all that was merged into them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Date,
    Select,
    Subquery,
    Uuid,
    and_,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from taproot_customer.customers.model import Customer
from taproot_customer.nearness import near
from taproot_customer.purchases.model import purchases
from taproot_storage.mixed import visible_mixed
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c = Customer.__table__.c
_p = purchases.c


@dataclass(frozen=True)
class Sight:
    """Whose sight figures are taken with: the caller's, or for `reason` everybody's."""

    reason: str = ""

    def customers(self) -> ColumnElement[bool]:
        return unscoped(Customer, self.reason) if self.reason else visible(Customer)

    def rows(self, table: Any, close: Any) -> ColumnElement[bool]:
        return unscoped(table, self.reason) if self.reason else visible_mixed(table, close)


@dataclass(frozen=True)
class Span:
    """Which purchases count: in one currency, up to a day, of so many days (0: all)."""

    currency_code: str
    day: dt.date
    window_days: int = 0

    def holds(self) -> ColumnElement[bool]:
        since = self.day - dt.timedelta(days=self.window_days)
        return and_(
            _p.counted,
            _p.currency_code == self.currency_code,
            _p.day <= self.day,
            _p.day > since if self.window_days else true(),
        )


def records(ids: Sequence[uuid.UUID], sight: Sight) -> CTE:
    """(root, key, near): each of the customers under its own key and those of the records merged into it."""
    close: Any = true() if sight.reason else near(_c.id, _c.owner_id, _c.branch_path)
    page = (
        select(_c.id.label("root"), close.label("near"))
        .where(
            _c.id == func.any(cast(literal(list(ids), ARRAY(Uuid())), ARRAY(Uuid()))),
            sight.customers(),
        )
        .cte("page")
    )
    members = select(page.c.root, redirects.c.member_id, page.c.near).join(
        redirects, redirects.c.root_id == page.c.root
    )
    return union_all(select(page.c.root, page.c.root.label("key"), page.c.near), members).cte("records")


def _bought(ids: Sequence[uuid.UUID], span: Span, sight: Sight, *columns: Any) -> Select[Any]:
    keys = records(ids, sight)
    return (
        select(keys.c.root, *columns)
        .join_from(keys, purchases, _p.customer_id == keys.c.key)
        .where(span.holds(), sight.rows(purchases, keys.c.near))
    )


def _by_day(ids: Sequence[uuid.UUID], span: Span, sight: Sight) -> Subquery:
    orders = _bought(
        ids, span, sight, _p.day, func.count().label("orders"), func.sum(_p.net).label("net")
    ).group_by(literal_column("root"), _p.day)
    days = orders.subquery("days")
    first = func.min(days.c.day).over(partition_by=days.c.root).label("first")
    return select(days, first).subquery("since_first")


def figures(ids: Sequence[uuid.UUID], span: Span, sight: Sight) -> Select[Any]:
    """The columns of a `Buyer`."""
    days = _by_day(ids, span, sight)
    d = days.c
    later = d.day > d.first
    return (
        select(
            d.root,
            func.min(d.day),
            func.max(d.day),
            cast(func.sum(d.orders), BigInteger),
            func.sum(d.net),
            func.count().filter(later),
            func.coalesce(func.sum(d.net).filter(later), literal_column("0::numeric")),
        )
        .group_by(d.root)
        .order_by(d.root)
    )


def months(ids: Sequence[uuid.UUID], span: Span, sight: Sight) -> Select[Any]:
    """(customer, first day of the month, orders, net)."""
    month = cast(func.date_trunc("month", _p.day), Date).label("month")
    rows = _bought(ids, span, sight, month, func.count().label("orders"), func.sum(_p.net).label("net"))
    return rows.group_by(literal_column("root"), literal_column("month")).order_by(
        literal_column("root"), literal_column("month")
    )


def baskets(ids: Sequence[uuid.UUID], span: Span, sight: Sight) -> Select[Any]:
    """(customer, products) of each order."""
    return _bought(ids, span, sight, _p.product_ids).order_by(literal_column("root"))


_currency = Statement(
    lambda: (
        select(_p.currency_code)
        .where(_p.counted, unscoped(purchases, "the enterprise's usual currency"))
        .group_by(_p.currency_code)
        .order_by(func.count().desc(), _p.currency_code)
        .limit(literal_column("1"))
    )
)


async def usual_currency(reader: Any) -> str:
    """Of most purchases; empty when there are none."""
    return str(await reader.fetch_value(_currency) or "")
