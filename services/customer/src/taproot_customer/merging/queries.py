"""Reads and statements of merging and of finding duplicates."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, Uuid, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from taproot_customer.customers import queries as customers
from taproot_customer.customers.model import Customer, customer_keys
from taproot_customer.merging.model import customer_blocks, merge_sources, merges
from taproot_customer.reading import column_names
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

CANDIDATES = 300
_c = Customer.__table__.c
_k = customer_keys.c
_s = merge_sources.c


def _all(table: Any) -> Statement:
    return Statement(lambda: insert(table).values({name: bindparam(name) for name in column_names(table)}))


def _candidates_statement() -> Any:
    blocks = bindparam("blocks", type_=ARRAY(Text()))
    normals = bindparam("normals", type_=ARRAY(Text()))
    by_block = select(customer_blocks.c.customer_id).where(customer_blocks.c.key == func.any(blocks))
    by_key = select(_k.customer_id).where(
        _k.normal == func.any(normals), _k.kind.in_(("phone", "email", "tax_number", "external"))
    )
    found = by_block.union(by_key).limit(CANDIDATES).subquery("found")
    return select(*customers.columns).where(
        _c.id.in_(select(found.c.customer_id)),
        _c.delete_time.is_(None),
        _c.id != bindparam("itself"),
        visible(Customer),
    )


_candidates = Statement(_candidates_statement)
_forget_blocks = Statement(
    lambda: delete(customer_blocks).where(customer_blocks.c.customer_id == bindparam("owner"))
)
_add_block = Statement(
    lambda: (
        upsert(customer_blocks)
        .values(customer_id=bindparam("customer_id"), key=bindparam("key"))
        .on_conflict_do_nothing()
    )
)
_add_merge, _add_source = _all(merges), _all(merge_sources)
_keys = Statement(
    lambda: select(_k.customer_id, _k.kind, _k.normal).where(
        _k.customer_id == func.any(bindparam("ids", type_=ARRAY(Uuid)))
    )
)
_drop_keys = Statement(
    lambda: delete(customer_keys).where(_k.customer_id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
)
_point = Statement(
    lambda: (
        upsert(redirects)
        .values({name: bindparam(name) for name in column_names(redirects)})
        .on_conflict_do_nothing()
    )
)
_repoint = Statement(
    lambda: (
        update(redirects)
        .where(redirects.c.member_id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
        .values(root_id=bindparam("root"))
    )
)
_unpoint = Statement(lambda: delete(redirects).where(redirects.c.member_id == bindparam("member")))
_members = Statement(lambda: select(redirects.c.member_id).where(redirects.c.root_id == bindparam("root")))
_open_merge = Statement(
    lambda: (
        select(
            merges,
            _s.source_id,
            _s.fields,
            _s.update_time,
            _s["keys"].label("source_keys"),
            _s.members,
        )
        .join(merge_sources, _s.merge_id == merges.c.id)
        .where(
            merges.c.id
            == select(_s.merge_id)
            .join(merges, merges.c.id == _s.merge_id)
            .where(
                _s.source_id == bindparam("source"),
                _s.undone_time.is_(None),
                merges.c.survivor_id == bindparam("survivor"),
            )
            .scalar_subquery(),
            _s.undone_time.is_(None),
        )
        .order_by(_s.source_id)
    )
)
_undo = Statement(
    lambda: (
        update(merge_sources)
        .where(_s.merge_id == bindparam("merge"), _s.source_id == bindparam("source"))
        .values(undone_time=bindparam("at"))
    )
)


async def find_candidates(
    reader: Reader, blocks: Sequence[str], normals: Sequence[str], itself: uuid.UUID
) -> list[Any]:
    return await reader.fetch(_candidates, blocks=list(blocks), normals=list(normals), itself=itself)


async def put_blocks(work: UnitOfWork, customer_id: uuid.UUID, keys: Sequence[str]) -> None:
    await work.execute(_forget_blocks, owner=customer_id)
    await work.execute_many(_add_block, [{"customer_id": customer_id, "key": key} for key in sorted(keys)])


def for_merge(ids: Sequence[uuid.UUID]) -> Any:
    """Locked in the order of their ids, so that two merges cannot block each other."""
    return (
        select(Customer)
        .where(Customer.id.in_(ids), visible(Customer))
        .order_by(Customer.id)
        .with_for_update()
    )


def for_release(source_id: uuid.UUID) -> Any:
    reason = "who may undo the merge gets the record back into its own branch"
    return select(Customer).where(Customer.id == source_id, unscoped(Customer, reason)).with_for_update()


async def keys_by_customer(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[list[str]]]:
    found: dict[uuid.UUID, list[list[str]]] = {key: [] for key in ids}
    for row in await reader.fetch(_keys, ids=list(ids)):
        found[row["customer_id"]].append([row["kind"], row["normal"]])
    return found


async def drop_keys(work: UnitOfWork, ids: Sequence[uuid.UUID]) -> None:
    await work.execute(_drop_keys, ids=list(ids))


async def members_under(reader: Reader, root: uuid.UUID) -> list[uuid.UUID]:
    return [row["member_id"] for row in await reader.fetch(_members, root=root)]


async def point(
    work: UnitOfWork, member: uuid.UUID, root: uuid.UUID, merge_id: uuid.UUID, version: int
) -> None:
    await work.execute(_point, member_id=member, root_id=root, merge_id=merge_id, version=version)


async def repoint(work: UnitOfWork, members: Sequence[uuid.UUID], root: uuid.UUID) -> None:
    if members:
        await work.execute(_repoint, ids=list(members), root=root)


async def unpoint(work: UnitOfWork, member: uuid.UUID) -> None:
    await work.execute(_unpoint, member=member)


async def add_merge(work: UnitOfWork, merge: Mapping[str, Any], sources: Sequence[dict[str, Any]]) -> None:
    await work.execute(_add_merge, **merge)
    await work.execute_many(_add_source, list(sources))


async def read_open_merge(reader: Reader, survivor: uuid.UUID, source: uuid.UUID) -> list[Any]:
    """The merge with all its sources that are not undone, one row each; empty when there is none."""
    return await reader.fetch(_open_merge, survivor=survivor, source=source)


async def mark_undone(work: UnitOfWork, merge_id: uuid.UUID, source: uuid.UUID) -> None:
    await work.execute(_undo, merge=merge_id, source=source, at=work.clock.now())
