"""Reads of hierarchies: along parents up and down, along household links around."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Integer,
    Uuid,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
)

from taproot_customer.customers.model import Customer
from taproot_customer.hierarchies.model import TREE_LOCK
from taproot_customer.nearness import near
from taproot_customer.profiles.model import profile_items
from taproot_customer.relationships.model import Relationship
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.mixed import visible_mixed
from taproot_storage.redirects import keys_of, root_of
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

MOST_NODES = 1000
MOST_IN_HOUSEHOLD = 100
SECTIONS = {
    "contacts": "contacts",
    "tasks": "open_tasks",
    "opportunities": "open_opportunities",
    "orders": "orders",
    "entitlements": "entitlements",
    "tickets": "open_tickets",
}
"""Sections of the profile, and what they count."""
_c, _r, _i = Customer.__table__.c, Relationship.__table__.c, profile_items.c
_SHOWN = (_c.id, _c.display_name, _c.kind, _c.status, _c.value_class)
_asked = bindparam("customer_id", type_=Uuid())
_zero: Any = literal_column("0", Integer)


def _alive() -> tuple[Any, ...]:
    return _c.delete_time.is_(None), visible(Customer)


def _above() -> Any:
    """Keys of all above, the merged resolved, whoever sees them and deleted or not: circles are closed by any."""
    start = select(root_of(_asked).label("id")).cte("above", recursive=True)
    higher = (
        select(root_of(_c.parent_id))
        .select_from(start.join(Customer.__table__, _c.id == start.c.id))
        .where(_c.parent_id.is_not(None), unscoped(Customer, "a circle is one, whoever sees its parts"))
    )
    found = start.union(higher)
    return select(found.c.id)


def _ancestors() -> Any:
    chain = (
        select(_c.id, root_of(_c.parent_id).label("parent_id"), _zero.label("depth"))
        .where(_c.id == root_of(_asked), *_alive())
        .cte("chain", recursive=True)
    )
    higher = (
        select(_c.id, root_of(_c.parent_id), chain.c.depth - 1)
        .select_from(chain.join(Customer.__table__, _c.id == chain.c.parent_id))
        .where(*_alive())
    )
    found = chain.union(higher)
    return (
        select(*_SHOWN, found.c.parent_id, found.c.depth)
        .join_from(found, Customer.__table__, _c.id == found.c.id)
        .where(found.c.depth < 0, visible(Customer))
        .order_by(found.c.depth)
    )


def _below() -> Any:
    tree = (
        select(_c.id, root_of(_c.parent_id).label("parent_id"), _zero.label("depth"))
        .where(_c.id == root_of(_asked), *_alive())
        .cte("tree", recursive=True)
    )
    lower = (
        select(_c.id, tree.c.id, tree.c.depth + 1)
        .select_from(tree.join(Customer.__table__, _c.parent_id == func.any(keys_of(tree.c.id))))
        .where(*_alive())
    )
    found = tree.union(lower)
    return (
        select(*_SHOWN, found.c.parent_id, found.c.depth)
        .join_from(found, Customer.__table__, _c.id == found.c.id)
        .where(visible(Customer))
        .order_by(found.c.depth, _c.sort_key, _c.id)
        .limit(literal_column(str(MOST_NODES + 1)))
    )


def _household() -> Any:
    """Everybody a chain of links leads to, in either direction."""
    home = select(root_of(_asked).label("id")).cte("home", recursive=True)
    keys = keys_of(home.c.id)
    mine = _r.customer_id == func.any(keys)
    today = bindparam("today", type_=Date())
    other = case((mine, _r.related_customer_id), else_=_r.customer_id)
    linked = (
        select(root_of(type_coerce(other, Uuid())))
        .select_from(home.join(Relationship.__table__, true()))
        .where(
            or_(mine, _r.related_customer_id == func.any(keys)),
            _r.kind == "household",
            or_(_r.start_date.is_(None), _r.start_date <= today),
            or_(_r.end_date.is_(None), _r.end_date >= today),
            visible(Relationship),
        )
    )
    found = home.union(linked)
    return (
        select(*_SHOWN, _zero.label("depth"))
        .join_from(found, Customer.__table__, _c.id == found.c.id)
        .where(*_alive())
        .order_by(_c.sort_key, _c.id)
        .limit(literal_column(str(MOST_IN_HOUSEHOLD)))
    )


def _counts() -> Any:
    ids = bindparam("ids", type_=ARRAY(Uuid))
    members = select(redirects.c.member_id).where(redirects.c.root_id == func.any(ids))
    root = func.coalesce(redirects.c.root_id, _i.customer_id)
    home = select(1).where(_c.id == root, near(_c.id, _c.owner_id, _c.branch_path), visible(Customer))
    return (
        select(root.label("id"), _i.section, func.count().label("count"))
        .select_from(profile_items.outerjoin(redirects, redirects.c.member_id == _i.customer_id))
        .where(
            or_(
                _i.customer_id == func.any(ids),
                _i.customer_id == func.any(func.array(members.scalar_subquery())),
            ),
            _i.section.in_(SECTIONS),
            _i.shown,
            visible_mixed(profile_items, exists(home)),
        )
        .group_by(root, _i.section)
    )


_above_statement, _ancestors_statement = Statement(_above), Statement(_ancestors)
_below_statement, _household_statement = Statement(_below), Statement(_household)
_counts_statement = Statement(_counts)


_lock = Statement(lambda: select(func.pg_advisory_xact_lock(bindparam("lock", type_=BigInteger()))))


async def lock_tree(work: UnitOfWork) -> None:
    """For those who hold no row of a customer yet."""
    await work.execute(_lock, lock=TREE_LOCK)


async def read_above(reader: Reader, customer_id: uuid.UUID) -> list[uuid.UUID]:
    """The customer, or its survivor, and all above it."""
    return [row["id"] for row in await reader.fetch(_above_statement, customer_id=customer_id)]


async def read_ancestors(reader: Reader, customer_id: uuid.UUID) -> list[Any]:
    return await reader.fetch(_ancestors_statement, customer_id=customer_id)


async def read_below(reader: Reader, customer_id: uuid.UUID) -> list[Any]:
    """The customer itself first; one row more than MOST_NODES when there are more."""
    return await reader.fetch(_below_statement, customer_id=customer_id)


async def read_household(reader: Reader, customer_id: uuid.UUID, today: date) -> list[Any]:
    return await reader.fetch(_household_statement, customer_id=customer_id, today=today)


async def read_counts(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
    """By customer: what each has itself."""
    found: dict[uuid.UUID, dict[str, int]] = defaultdict(dict)
    for key in ids:
        found[key]["customers"] = 1
    for row in await reader.fetch(_counts_statement, ids=list(ids)):
        found[row["id"]][SECTIONS[row["section"]]] = row["count"]
    return found
