"""Reads of segments and the statements that keep their members."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    DateTime,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from taproot.customer.v1 import segment_pb2 as pb
from taproot_base.access import subtree_end
from taproot_customer.customers.model import Customer
from taproot_customer.facts import fields as facts
from taproot_customer.searching import name_field
from taproot_customer.segments import combining
from taproot_customer.segments.model import COMBINED, STATIC, Segment, segment_members
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.filter_check import Filter
from taproot_listing.filter_predicate import Predicate
from taproot_listing.filter_sql import filter_sql
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import InvalidListing, filter_of, hidden_fields
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_t = Segment.__table__.c
_m = segment_members.c
_c = Customer.__table__.c
_WORKER = "membership is decided for every customer of the segment's branch"

RESOURCE = resource_of(
    "segment",
    Segment,
    pb.Segment,
    "id display_name kind member_count refresh_time owner_id branch_id create_time update_time custom",
)
SHELF = Shelf(RESOURCE, Segment, pb.Segment)
MEMBERS = Resource(
    "segment_member",
    [
        Field("customer_id", _m.customer_id, FieldType.ID, sortable=False),
        name_field("customer_display_name", _c),
        Field("enter_time", _m.enter_time, FieldType.INSTANT),
    ],
    default_order="enter_time desc",
    id_column=_m.customer_id,
)


def written(text: str) -> Filter:
    """The filter as its writer may put it: size and members would tell of fields hidden from the caller.

    Raises:
        InvalidListing: naming every field that is unknown or hidden.
    """
    return filter_of(facts.RESOURCE, text, hidden_fields(facts.RESOURCE))


def checked(text: str) -> Filter:
    """The filter as it was accepted, whoever evaluates it now.

    Raises:
        InvalidListing: it names a field of the enterprise's own that was retired since.
    """
    return filter_of(facts.RESOURCE, text, frozenset())


def fits(text: str) -> bool:
    """Whether the filter can be evaluated: its fields may have been retired since it was written."""
    try:
        checked(text)
    except InvalidListing:
        return False
    return True


def predicate(text: str) -> Predicate:
    return _compiled(checked(text))


# By the checked filter, not its text: the same text means another thing when definitions change.
@lru_cache(maxsize=1000)
def _compiled(checked: Filter) -> Predicate:
    return Predicate(checked)


def in_branch(path: str) -> ColumnElement[bool]:
    return and_(_c.branch_path >= path, _c.branch_path < subtree_end(path)) if path else true()


def wanted(text: str, path: str, now: datetime) -> ColumnElement[bool]:
    """Living customers of the branch and below that meet the filter."""
    return and_(_c.delete_time.is_(None), in_branch(path), filter_sql(checked(text), now))


def _enter(rows: Any) -> Any:
    """Insert or revive memberships; only those that were not there come back."""
    names = ["segment_id", "customer_id", "id", "version", "active", "enter_time"]
    statement = insert(segment_members).from_select(names, rows)
    return statement.on_conflict_do_update(
        index_elements=["segment_id", "customer_id"],
        set_={"active": True, "version": _m.version + 1, "enter_time": statement.excluded.enter_time},
        where=_m.active.is_(False),
    ).returning(segment_members)


def _leave(*conditions: ColumnElement[bool]) -> Any:
    return (
        update(segment_members)
        .where(_m.active, *conditions)
        .values(active=False, version=_m.version + 1)
        .returning(segment_members)
    )


def _rows(segment_id: uuid.UUID, customer_id: Any, now: datetime) -> list[Any]:
    key = cast(func.md5(func.concat(str(segment_id), ":", cast(customer_id, Text))), Uuid)
    return [
        literal(segment_id, Uuid()),
        customer_id,
        key,
        literal_column("1"),
        literal_column("true"),
        literal(now, DateTime(timezone=True)),
    ]


def enter_wanted(segment: Segment, now: datetime) -> Any:
    condition = wanted(segment.filter, segment.branch_path, now)
    rows = select(*_rows(segment.id, _c.id, now)).select_from(facts.WITH_FACTS)
    return _enter(rows.where(condition, unscoped(Customer, _WORKER)))


def leave_unwanted(segment: Segment, now: datetime) -> Any:
    condition = wanted(segment.filter, segment.branch_path, now)
    inside: Any = (
        select(literal_column("1"))
        .select_from(facts.WITH_FACTS)
        .where(_c.id == _m.customer_id, condition, unscoped(Customer, _WORKER))
    )
    return _leave(_m.segment_id == segment.id, ~inside.exists())


def combined(segment: Segment, only: Sequence[uuid.UUID] | None = None) -> Any:
    """Ids of those who belong to a combined segment, of all or `only` of some."""
    inside = select(_m.customer_id).join(Customer.__table__, _c.id == _m.customer_id)
    rows = inside.where(
        _m.active,
        _m.segment_id.in_(segment.operand_ids),
        _c.delete_time.is_(None),
        in_branch(segment.branch_path),
        unscoped(Customer, _WORKER),
    ).group_by(_m.customer_id)
    if only is not None:
        rows = rows.where(_m.customer_id.in_(only))
    return rows.having(_meets(segment.operator, segment.operand_ids))


def _meets(operator: str, operands: Sequence[uuid.UUID]) -> ColumnElement[bool]:
    """Over the memberships of one customer in the operands: what `combining.belongs` says."""
    if operator == combining.UNION:
        return true()
    held = func.count()
    if operator == combining.INTERSECTION:
        return held == literal_column(str(len(operands)))
    return and_(held == literal_column("1"), func.bool_and(_m.segment_id == literal(operands[0], Uuid())))


def enter_combined(segment: Segment, now: datetime, only: Sequence[uuid.UUID] | None = None) -> Any:
    found = combined(segment, only).subquery("found")
    return _enter(select(*_rows(segment.id, found.c.customer_id, now)))


def leave_combined(segment: Segment, only: Sequence[uuid.UUID] | None = None) -> Any:
    some = true() if only is None else _m.customer_id.in_(only)
    found = combined(segment, only).subquery("found")
    return _leave(_m.segment_id == segment.id, some, _m.customer_id.not_in(select(found.c.customer_id)))


def enter_given(segment_id: uuid.UUID, ids: Sequence[uuid.UUID], now: datetime) -> Any:
    asked = func.unnest(cast(literal(list(ids), ARRAY(Uuid())), ARRAY(Uuid()))).table_valued(
        "id", name="asked"
    )
    return _enter(select(*_rows(segment_id, asked.render_derived().c.id, now)))


def leave_given(segment_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> Any:
    return _leave(_m.segment_id == segment_id, _m.customer_id.in_(ids))


_computed = Statement(
    lambda: select(
        _t.id, _t.kind, _t.filter, _t.operator, _t.operand_ids, _t.branch_path, _t.display_name
    ).where(_t.kind != STATIC, unscoped(Segment, _WORKER))
)
_customers = Statement(
    lambda: (
        select(*facts.record_columns())
        .select_from(facts.WITH_FACTS)
        .where(_c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), unscoped(Customer, _WORKER))
        .order_by(_c.id)
    )
)
_operands = Statement(
    lambda: select(_t.id, _t.operand_ids).where(_t.kind == COMBINED, unscoped(Segment, _WORKER))
)
_named = Statement(
    lambda: select(_t.id, _t.display_name).where(
        _t.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), visible(Segment)
    )
)
_active = Statement(lambda: select(_m.segment_id).where(_m.customer_id == bindparam("key"), _m.active))
_count = Statement(
    lambda: (
        update(Segment)
        .where(_t.id == bindparam("key"), unscoped(Segment, _WORKER))
        .values(member_count=_t.member_count + bindparam("step"))
    )
)
_count_members = Statement(
    lambda: (
        select(func.count()).select_from(segment_members).where(_m.segment_id == bindparam("key"), _m.active)
    )
)
_paths = Statement(
    lambda: select(_c.id, _c.branch_path, _c.owner_id, _c.display_name).where(
        _c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), unscoped(Customer, _WORKER)
    )
)


async def computed(work: UnitOfWork) -> list[Any]:
    """Dynamic and combined segments, operands first."""
    return combining.in_order(await work.fetch(_computed))


async def read_customers(reader: Reader, keys: Sequence[uuid.UUID]) -> list[Any]:
    return await reader.fetch(_customers, ids=list(keys))


async def operands(reader: Reader) -> dict[uuid.UUID, Sequence[uuid.UUID]]:
    return {row["id"]: row["operand_ids"] for row in await reader.fetch(_operands)}


async def names_of(reader: Reader, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Of those the caller sees."""
    return {row["id"]: row["display_name"] for row in await reader.fetch(_named, ids=list(keys))}


async def segments_of(reader: Reader, key: uuid.UUID) -> set[uuid.UUID]:
    return {row["segment_id"] for row in await reader.fetch(_active, key=key)}


async def add_to_count(work: UnitOfWork, segment_id: uuid.UUID, step: int) -> None:
    await work.execute(_count, key=segment_id, step=step)


async def count_members(reader: Reader, segment_id: uuid.UUID) -> int:
    return int(await reader.fetch_value(_count_members, key=segment_id))


async def places_of(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    return {row["id"]: row for row in await reader.fetch(_paths, ids=list(ids))}


async def visible_ids(reader: Reader, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    statement = select(_c.id).where(_c.id.in_(ids), _c.delete_time.is_(None), visible(Customer))
    return {row["id"] for row in await reader.fetch(statement)}


def listed_members(segment_id: uuid.UUID) -> Any:
    return (
        select(_m.segment_id, _m.customer_id, _m.enter_time, _c.display_name)
        .join_from(segment_members, Customer.__table__, _c.id == _m.customer_id)
        .where(_m.segment_id == segment_id, _m.active)
    )


def many(keys: Sequence[uuid.UUID]) -> Any:
    return select(Segment).where(_t.id.in_(keys), unscoped(Segment, _WORKER)).with_for_update()


def forget_members(segment_id: uuid.UUID) -> Any:
    return delete(segment_members).where(_m.segment_id == segment_id)
