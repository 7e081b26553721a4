"""Where a customer meets its likely duplicates: the stored keys and traits, kept by events."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    LargeBinary,
    Text,
    Uuid,
    bindparam,
    column,
    delete,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy import table as some_table
from sqlalchemy.dialects.postgresql import insert

from taproot_customer.customers import queries as customers
from taproot_customer.customers.model import Customer, customer_keys
from taproot_customer.matching.blocking import BLOCK_LIMIT, blocking_keys
from taproot_customer.matching.traits import Traits
from taproot_customer.merging.model import customer_blocks, customer_traits
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

CANDIDATES = 300
_c = Customer.__table__.c
_b, _k, _t = customer_blocks.c, customer_keys.c, customer_traits.c


def _candidates_statement() -> Any:
    """Those who share the most keys, and all who share an identifier; each key shows as many as a block may have."""
    keys = func.unnest(bindparam("blocks", type_=ARRAY(BigInteger))).table_valued("key", name="wanted")
    wanted = keys.render_derived()
    member = (
        select(_b.customer_id)
        .where(_b.key == wanted.c.key, _c.id == _b.customer_id, *_alive())
        .limit(BLOCK_LIMIT)
        .lateral("member")
    )
    shared = (
        select(member.c.customer_id)
        .select_from(wanted.join(member, true()))
        .group_by(member.c.customer_id)
        .order_by(func.count().desc(), member.c.customer_id)
        .limit(CANDIDATES)
    )
    identified = (
        select(_k.customer_id)
        .where(
            _k.kind.in_(("phone", "email", "tax_number", "external")),
            _k.normal == func.any(bindparam("normals", type_=ARRAY(Text))),
            _c.id == _k.customer_id,
            *_alive(),
        )
        .limit(CANDIDATES)
    )
    found = (
        shared.subquery("shared").select().union(identified.subquery("identified").select()).subquery("found")
    )
    return (
        select(found.c.customer_id, _t.traits)
        .select_from(found.outerjoin(customer_traits, _t.customer_id == found.c.customer_id))
        .where(found.c.customer_id != bindparam("itself"))
    )


def _alive() -> tuple[Any, ...]:
    return _c.delete_time.is_(None), visible(Customer)


_candidates = Statement(_candidates_statement)
_rows = Statement(
    lambda: select(*customers.columns).where(
        _c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), *_alive()
    )
)
_population = Statement(
    lambda: (
        select(func.greatest(column("reltuples"), 0).cast(BigInteger))
        .select_from(some_table("pg_class"))
        .where(column("oid") == literal_column("'customers'::regclass"))
    )
)


def _put_traits_statement() -> Any:
    put = insert(customer_traits).values(
        customer_id=bindparam("customer_id"), version=bindparam("version"), traits=bindparam("traits")
    )
    new = {"version": put.excluded.version, "traits": put.excluded.traits}
    return put.on_conflict_do_update(
        index_elements=["customer_id"], set_=new, where=_t.version < put.excluded.version
    )


_put_traits = Statement(_put_traits_statement)
_forget_traits = Statement(
    lambda: delete(customer_traits).where(_t.customer_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
)
_forget_blocks = Statement(
    lambda: delete(customer_blocks).where(_b.customer_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
)
_drop_blocks = Statement(
    lambda: delete(customer_blocks).where(
        _b.customer_id == bindparam("of"), _b.key != func.all(bindparam("kept", type_=ARRAY(BigInteger)))
    )
)
_add_blocks = Statement(
    lambda: (
        insert(customer_blocks)
        .from_select(
            ["key", "customer_id"],
            select(
                func.unnest(bindparam("keys", type_=ARRAY(BigInteger))), bindparam("customer_id", type_=Uuid)
            ),
        )
        .on_conflict_do_nothing()
    )
)

_NEW: dict[str, Any] = {"customer_id": Uuid(), "version": BigInteger(), "traits": LargeBinary()}


def _add_traits_statement() -> Any:
    given = func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _NEW.items()))
    rows = given.table_valued(*_NEW, name="given").render_derived()
    new = insert(customer_traits).from_select(list(_NEW), select(*(rows.c[name] for name in _NEW)))
    return new.on_conflict_do_nothing().returning(_t.customer_id)


_add_traits = Statement(_add_traits_statement)
_add_pairs = Statement(
    lambda: (
        insert(customer_blocks)
        .from_select(
            ["key", "customer_id"],
            select(
                func.unnest(bindparam("keys", type_=ARRAY(BigInteger))),
                func.unnest(bindparam("of", type_=ARRAY(Uuid()))),
            ),
        )
        .on_conflict_do_nothing()
    )
)


async def put(work: UnitOfWork, customer_id: uuid.UUID, version: int, traits: Traits) -> None:
    """Nothing happens when a newer version is stored already."""
    values = {"customer_id": customer_id, "version": version, "traits": traits.pack()}
    if await work.execute(_put_traits, **values):
        keys = sorted(blocking_keys(traits))
        await work.execute(_drop_blocks, of=customer_id, kept=keys)
        await work.execute(_add_blocks, customer_id=customer_id, keys=keys)


async def put_new(work: UnitOfWork, given: Sequence[tuple[uuid.UUID, int, Traits]]) -> None:
    """For customers of whom nothing is stored; of whom something is, that is as new or newer."""
    if not given:
        return
    rows = [
        {"customer_id": key, "version": version, "traits": traits.pack()} for key, version, traits in given
    ]
    added = {
        row[0]
        for row in await work.fetch(_add_traits, **{name: [row[name] for row in rows] for name in rows[0]})
    }
    pairs = [
        (key, block) for key, _, traits in given if key in added for block in sorted(blocking_keys(traits))
    ]
    await work.execute(_add_pairs, of=[key for key, _ in pairs], keys=[block for _, block in pairs])


async def forget(work: UnitOfWork, *customer_ids: uuid.UUID) -> None:
    if customer_ids:
        await work.execute(_forget_traits, ids=list(customer_ids))
        await work.execute(_forget_blocks, ids=list(customer_ids))


async def find(
    reader: Reader, traits: Traits, normals: Sequence[str], itself: uuid.UUID
) -> dict[uuid.UUID, Traits | None]:
    """Whom to compare with, among the customers the caller sees; without traits those not yet made ready."""
    rows = await reader.fetch(
        _candidates, blocks=sorted(blocking_keys(traits)), normals=list(normals), itself=itself
    )
    return {row["customer_id"]: Traits.unpack(row["traits"]) if row["traits"] else None for row in rows}


async def read_rows(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Rows of customers by id, as far as the caller sees them."""
    return {row["id"]: row for row in await reader.fetch(_rows, ids=list(ids))}


async def population(reader: Reader) -> int:
    """About how many customers there are; 0 when nobody has counted yet."""
    return int(await reader.fetch_value(_population) or 0)
