"""Reads and statements of merging."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, Uuid, bindparam, delete, func, insert, select, update

from taproot_customer.customers.model import Customer, Key, customer_keys
from taproot_customer.merging.history import Merged
from taproot_customer.merging.model import keys_of, merge_sources, merges
from taproot_customer.merging.survivorship import Record
from taproot_customer.reading import column_names
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_k = customer_keys.c
_m, _s = merges.c, merge_sources.c


def _all(table: Any) -> Statement:
    return Statement(lambda: insert(table).values({name: bindparam(name) for name in column_names(table)}))


_add_merge, _add_source, _point = _all(merges), _all(merge_sources), _all(redirects)
_drop_keys = Statement(
    lambda: delete(customer_keys).where(_k.customer_id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
)
_held = Statement(
    lambda: select(_k.customer_id, _k.kind, _k.normal).where(
        _k.normal == func.any(bindparam("normals", type_=ARRAY(Text))),
        _k.kind.in_(("phone", "email", "tax_number", "external")),
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
_open_merges = Statement(
    lambda: (
        select(merges, _s.source_id, _s.fields, _s.update_time, _s.members)
        .join(merge_sources, _s.merge_id == _m.id)
        .where(_m.survivor_id == bindparam("survivor"), _s.undone_time.is_(None))
        .order_by(_m.version, _s.source_id)
    )
)
_rewrite = Statement(
    lambda: (
        update(merges)
        .where(_m.id == bindparam("key"))
        .values({name: bindparam(name) for name in ("before", "after", "choices")})
    )
)
_undo = Statement(
    lambda: (
        update(merge_sources)
        .where(_s.merge_id == bindparam("merge"), _s.source_id == bindparam("source"))
        .values(undone_time=bindparam("at"))
    )
)
_journal = Statement(
    lambda: select(_s.fields).where(_s.source_id == bindparam("source"), _s.undone_time.is_(None))
)


def for_merge(ids: Sequence[uuid.UUID]) -> Any:
    """Locked in the order of their ids, so that two merges cannot block each other."""
    return _locked(ids, visible(Customer))


def for_release(ids: Sequence[uuid.UUID]) -> Any:
    """Survivor and source, in the order merges lock them."""
    return _locked(ids, unscoped(Customer, "who may undo a merge gives the record back to its own branch"))


def _locked(ids: Sequence[uuid.UUID], scope: Any) -> Any:
    return select(Customer).where(Customer.id.in_(ids), scope).order_by(Customer.id).with_for_update()


def is_seen(customer_id: uuid.UUID) -> Any:
    return select(Customer.id).where(Customer.id == customer_id, visible(Customer))


async def held_by_others(
    reader: Reader, keys: Sequence[Key], besides: Sequence[uuid.UUID | None]
) -> set[Key]:
    rows = await reader.fetch(_held, normals=[key.normal for key in keys])
    return {Key(row["kind"], row["normal"]) for row in rows if row["customer_id"] not in besides}


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


async def read_open_merges(
    reader: Reader, survivor: uuid.UUID, source: uuid.UUID
) -> tuple[list[Merged], list[uuid.UUID]]:
    """The merges into the survivor from the one that took the source in, and the source's members; none: empty."""
    rows = await reader.fetch(_open_merges, survivor=survivor)
    mine = next((row for row in rows if row["source_id"] == source), None)
    if mine is None:
        return [], []
    later = [row for row in rows if row["version"] >= mine["version"]]
    ids = list(dict.fromkeys(row["id"] for row in later))
    return [_merged([row for row in later if row["id"] == key]) for key in ids], list(mine["members"])


def _merged(rows: Sequence[Any]) -> Merged:
    one = rows[0]
    sources = tuple(Record(str(row["source_id"]), row["update_time"], row["fields"]) for row in rows)
    return Merged(one["id"], one["survivor_time"], one["before"], one["after"], one["choices"], sources)


async def rewrite(work: UnitOfWork, merge: Merged) -> None:
    """The journal tells the merge as it would have been without what was taken out of it."""
    await work.execute(
        _rewrite,
        key=merge.id,
        before=dict(merge.before),
        after=dict(merge.after),
        choices=dict(merge.choices),
    )


async def mark_undone(work: UnitOfWork, merge_id: uuid.UUID, source: uuid.UUID) -> None:
    await work.execute(_undo, merge=merge_id, source=source, at=work.clock.now())


async def journalled_keys(reader: Reader, source: uuid.UUID) -> list[Key]:
    """What a merged record was known by; empty when it is not merged."""
    return [key for row in await reader.fetch(_journal, source=source) for key in keys_of(row["fields"])]
