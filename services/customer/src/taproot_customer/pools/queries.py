"""Reads of pools and the statements that keep claims and the history of owners."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, literal_column, or_, select, true, update
from sqlalchemy.sql.elements import ColumnElement

from taproot.customer.v1 import pool_pb2 as pb
from taproot_base.access import Reach
from taproot_customer.customers import queries as customers
from taproot_customer.customers.model import Customer
from taproot_customer.pools.model import RECALLED, RELEASED, PoolRule, claims, ownership_changes
from taproot_customer.reading import column_names
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.mapping import literals
from taproot_records.reading import Shelf, resource_of
from taproot_records.references import reference_field
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.redirects import root_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

_c, _p, _l, _o = Customer.__table__.c, PoolRule.__table__.c, claims.c, ownership_changes.c
_IDS = ("id", "from_owner_id", "to_owner_id", "from_branch_id", "to_branch_id", "transfer_id")
_POOL = "the pool of a branch is open to all its claimers"
_WORKER = "recalls look over all branches"

RULES = resource_of(
    "pool_rule",
    PoolRule,
    pb.PoolRule,
    "id display_name branch_id claim_quota cool_down_days no_touch_days not_won_days warn_days recalls_paused "
    "create_time update_time",
)
SHELF = Shelf(RULES, PoolRule, pb.PoolRule)
CHANGES = Resource(
    "ownership_change",
    [
        *(Field(name, _o[name], FieldType.ID, sortable=False) for name in _IDS),
        reference_field(_o.customer_id),
        Field("kind", _o.kind, FieldType.ENUM, enum=literals(pb.OwnershipKind.DESCRIPTOR)),
        Field("reason", _o.reason, FieldType.TEXT),
        Field("actor", _o.actor, FieldType.TEXT),
        Field("create_time", _o.create_time, FieldType.INSTANT),
    ],
    default_order="create_time desc",
    id_column=_o.id,
)

_rule = Statement(
    lambda: (
        select(PoolRule.__table__)
        .where(
            func.starts_with(bindparam("path"), _p.branch_path),
            unscoped(PoolRule, "a pool has one rule, whoever sees it"),
        )
        .order_by(func.length(_p.branch_path).desc())
        .limit(literal_column("1"))
    )
)
_same_branch = Statement(
    lambda: select(_p.id).where(
        _p.branch_path == bindparam("path"), unscoped(PoolRule, "a branch has one pool, whoever sees it")
    )
)
_held = Statement(
    lambda: (
        select(func.count())
        .select_from(claims)
        .where(_l.owner_id == bindparam("owner"), _l.rule_id == bindparam("rule"))
    )
)
_lost = Statement(
    lambda: select(func.max(_o.create_time)).where(
        _o.from_owner_id == bindparam("owner"),
        _o.customer_id == bindparam("customer"),
        _o.kind.in_((RELEASED, RECALLED)),
    )
)
_add_claim = Statement(lambda: insert(claims).values({n: bindparam(n) for n in column_names(claims)}))
_add_change = Statement(
    lambda: insert(ownership_changes).values({n: bindparam(n) for n in column_names(ownership_changes)})
)
_end_claim = Statement(lambda: delete(claims).where(_l.customer_id == bindparam("customer")))
_touch = Statement(
    lambda: (
        update(claims)
        .where(
            _l.customer_id == root_of(bindparam("customer", type_=_l.customer_id.type)),
            _l.touch_time < bindparam("at"),
        )
        .values(touch_time=bindparam("at"), warn_time=None)
    )
)
_warned = Statement(
    lambda: update(claims).where(_l.customer_id == bindparam("customer")).values(warn_time=bindparam("at"))
)
_claim = Statement(lambda: select(claims).where(_l.customer_id == bindparam("customer")))


async def rule_for(reader: Reader, branch_path: str) -> Any:
    """Row of the rule of the nearest branch above that has one; None when there is no pool."""
    return await reader.fetch_row(_rule, path=branch_path)


async def is_ruled(reader: Reader, branch_path: str) -> bool:
    return await reader.fetch_value(_same_branch, path=branch_path) is not None


async def held_by(reader: Reader, owner_id: uuid.UUID, rule_id: uuid.UUID) -> int:
    return int(await reader.fetch_value(_held, owner=owner_id, rule=rule_id))


async def lost_by(reader: Reader, owner_id: uuid.UUID, customer_id: uuid.UUID) -> datetime | None:
    """When somebody last gave the customer back or lost it by recall."""
    found: datetime | None = await reader.fetch_value(_lost, owner=owner_id, customer=customer_id)
    return found


async def add_claim(work: UnitOfWork, values: Mapping[str, Any]) -> None:
    await work.execute(_add_claim, **values)


async def end_claim(work: UnitOfWork, customer_id: uuid.UUID) -> None:
    await work.execute(_end_claim, customer=customer_id)


async def add_change(work: UnitOfWork, values: Mapping[str, Any]) -> None:
    await work.execute(_add_change, **values)


async def touch(work: UnitOfWork, customer_id: uuid.UUID, at: datetime) -> None:
    await work.execute(_touch, customer=customer_id, at=at)


async def mark_warned(work: UnitOfWork, customer_id: uuid.UUID, at: datetime) -> None:
    await work.execute(_warned, customer=customer_id, at=at)


async def read_claim(reader: Reader, customer_id: uuid.UUID) -> Any:
    return await reader.fetch_row(_claim, customer=customer_id)


def for_claim(customer_id: uuid.UUID) -> Any:
    """Whoever owns it: the loser of two who claim at once is to hear that it is taken."""
    return select(Customer).where(Customer.id == customer_id, unscoped(Customer, _POOL)).with_for_update()


def pooled(home: str, reach: Reach) -> Any:
    """Customers without owner, of the caller's own branch and of those it reaches."""
    return select(*customers.columns).where(
        _c.owner_id.is_(None),
        _c.delete_time.is_(None),
        or_(_c.branch_path == home, in_reach(_c.branch_path, reach)),
        unscoped(Customer, _POOL),
    )


def in_reach(path: Any, reach: Reach) -> ColumnElement[bool]:
    """Rows of the branches reached, whoever owns them."""
    if reach.everything:
        return true()
    spans = zip(reach.subtrees, reach.subtree_ends, strict=True)
    within = [and_(path >= low, path < high) for low, high in spans]
    return or_(path.in_(reach.branch_paths), *within)


def listed_changes() -> Any:
    return select(ownership_changes).join(Customer.__table__, _c.id == _o.customer_id)


def due(rule: PoolRule, now: datetime, limit: int) -> Any:
    """Claimed customers that the rule calls back; locked, but for those somebody is at work on."""
    return _claimed(rule, now, limit, true())


def to_warn(rule: PoolRule, now: datetime, limit: int) -> Any:
    """Those it calls back within its days of warning, whose owners do not know yet."""
    return _claimed(rule, now + timedelta(days=rule.warn_days), limit, _l.warn_time.is_(None))


def _claimed(rule: PoolRule, by: datetime, limit: int, besides: ColumnElement[bool]) -> Any:
    ends: list[ColumnElement[bool]] = []
    if rule.no_touch_days:
        ends.append(_l.touch_time <= by - timedelta(days=rule.no_touch_days))
    if rule.not_won_days:
        ends.append(and_(_l.claim_time <= by - timedelta(days=rule.not_won_days), _c.status != "won"))
    return (
        select(Customer)
        .join(claims, _l.customer_id == _c.id)
        .where(
            _l.rule_id == rule.id, or_(*ends), besides, _c.delete_time.is_(None), unscoped(Customer, _WORKER)
        )
        .order_by(_l.touch_time)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Customer.__table__)
    )


def recalling() -> Any:
    """Rules that call customers back."""
    return select(PoolRule).where(
        or_(_p.no_touch_days > 0, _p.not_won_days > 0),
        _p.recalls_paused.is_(False),
        unscoped(PoolRule, _WORKER),
    )
