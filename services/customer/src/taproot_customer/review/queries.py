"""Reads and statements of the review queue."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Select, Uuid, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot.customer.v1 import duplicate_pair_pb2 as pb
from taproot_base.errors import NotFound
from taproot_customer.customers.model import Customer
from taproot_customer.reading import column_names
from taproot_customer.review.model import (
    DEFAULT_RULES,
    DISMISSED,
    MERGED,
    OPEN,
    DuplicatePair,
    duplicate_rules,
)
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

_c = Customer.__table__.c
_pairs: Any = DuplicatePair.__table__
_p = _pairs.c

RESOURCE = Resource(
    "duplicate_pair",
    [
        Field("id", _p.id, FieldType.ID, sortable=False),
        Field("left_id", _p.left_id, FieldType.ID, sortable=False),
        Field("right_id", _p.right_id, FieldType.ID, sortable=False),
        Field("state", _p.state, FieldType.ENUM, enum=pb.DuplicatePairState),
        Field("score", _p.score, FieldType.NUMBER),
        Field("contradicted", _p.contradicted, FieldType.BOOLEAN),
        Field("decided_by", _p.decided_by, FieldType.TEXT),
        Field("decide_time", _p.decide_time, FieldType.INSTANT),
        Field("create_time", _p.create_time, FieldType.INSTANT),
        Field("update_time", _p.update_time, FieldType.INSTANT),
    ],
    default_order="score desc",
    id_column=_p.id,
)


def _side(column: Any) -> Any:
    """One customer of a pair is seen by the caller, and there to be decided about or merged already."""
    alive = or_(_c.delete_time.is_(None), _p.state == MERGED)
    return select(1).where(_c.id == column, alive, visible(Customer)).correlate(_pairs).exists()


def seen() -> Any:
    """The caller sees both customers."""
    return and_(_side(_p.left_id), _side(_p.right_id))


def listed() -> Select[Any]:
    return select(_pairs).where(seen())


_get = Statement(lambda: listed().where(_p.id == bindparam("key")))
_both = Statement(
    lambda: select(Customer.__table__).where(
        _c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), visible(Customer)
    )
)
_between = Statement(
    lambda: (
        update(_pairs)
        .where(
            _p.left_id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
            _p.right_id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
            _p.state == OPEN,
        )
        .values(
            state=MERGED,
            survivor_id=bindparam("survivor"),
            decided_by=bindparam("who"),
            decide_time=bindparam("at"),
            update_time=bindparam("at"),
            version=_p.version + 1,
        )
    )
)
_touching = Statement(
    lambda: select(_pairs).where(
        or_(
            _p.left_id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
            _p.right_id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        ),
        _p.state.in_((OPEN, DISMISSED)),
    )
)


def _inherit_statement() -> Any:
    put = insert(_pairs).values({name: bindparam(name) for name in column_names(_pairs)})
    names = ("state", "decided_by", "decide_time", "note", "update_time")
    return put.on_conflict_do_update(
        index_elements=["left_id", "right_id"],
        set_={name: put.excluded[name] for name in names} | {"version": _p.version + 1},
        where=and_(_p.state != DISMISSED, put.excluded.state == DISMISSED),
    )


_inherit = Statement(_inherit_statement)
_rules = Statement(lambda: select(duplicate_rules))


def _put_rules_statement() -> Any:
    names = ("review_from", "merge_from", "update_time", "version")
    put = insert(duplicate_rules).values({"only": True} | {name: bindparam(name) for name in names})
    return put.on_conflict_do_update(
        index_elements=["only"], set_={name: put.excluded[name] for name in names}
    )


_put_rules = Statement(_put_rules_statement)


def for_decision(key: uuid.UUID) -> Select[Any]:
    return select(DuplicatePair).where(_p.id == key, seen()).with_for_update(of=_pairs)


async def get_pair(reader: Reader, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, key=key)
    if row is None:
        raise NotFound("duplicate pair", key)
    return row


async def customers_of(reader: Reader, pairs: Sequence[Any]) -> dict[uuid.UUID, Any]:
    ids = {pair[side] for pair in pairs for side in ("left_id", "right_id")}
    return {row["id"]: row for row in await reader.fetch(_both, ids=sorted(ids))} if ids else {}


async def mark_merged(
    work: UnitOfWork, ids: Sequence[uuid.UUID], survivor: uuid.UUID, who: str, at: datetime
) -> None:
    """The open pairs among records that are one now."""
    await work.execute(_between, ids=list(ids), survivor=survivor, who=who, at=at)


async def pairs_touching(reader: Reader, ids: Sequence[uuid.UUID]) -> list[Any]:
    return await reader.fetch(_touching, ids=list(ids))


async def put_pairs(work: UnitOfWork, pairs: Sequence[Mapping[str, Any]]) -> None:
    """New pairs; of one that is there already only a dismissal is taken over."""
    await work.execute_many(_inherit, [dict(pair) for pair in pairs])


async def read_rules(reader: Reader) -> Mapping[str, Any]:
    return await reader.fetch_row(_rules) or DEFAULT_RULES


async def put_rules(work: UnitOfWork, rules: Mapping[str, Any]) -> None:
    await work.execute(_put_rules, **rules)
