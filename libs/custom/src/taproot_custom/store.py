"""Definitions in a service's own database, and the lock that keeps them and the writes in order.

Whoever writes values holds the generation for share, whoever changes a definition holds it alone: a change sees
every value written under the definition before, and the next writer sees the change.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot_base.context import current_call
from taproot_custom.catalogue import Catalogue
from taproot_custom.specs import Spec
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.schema import custom_fields, custom_generation
from taproot_storage.statements import Statement

_THE = 1
_c = custom_fields.c
_generation = custom_generation.c
_now = select(_generation.generation).where(_generation.id == _THE)

_load = Statement(lambda: select(custom_fields, _now.scalar_subquery().label("generation")))
_hold = Statement(lambda: _now.with_for_update(read=True, key_share=True))
_hold_alone = Statement(_now.with_for_update)
_begin = Statement(lambda: insert(custom_generation).values(id=_THE, generation=0).on_conflict_do_nothing())
_raise = Statement(
    lambda: (
        update(custom_generation)
        .where(_generation.id == _THE)
        .values(generation=_generation.generation + 1)
        .returning(_generation.generation)
    )
)
_one = Statement(
    lambda: select(custom_fields).where(
        _c.resource_type == bindparam("resource_type"), _c.key == bindparam("key")
    )
)


def _put_statement() -> Any:
    statement = insert(custom_fields).values({c.key: bindparam(c.key, type_=c.type) for c in _c})
    changes = {name: statement.excluded[name] for name in ("version", "spec", "indexed")}
    return statement.on_conflict_do_update(index_elements=["resource_type", "key"], set_=changes)


_put = Statement(_put_statement)
_set_indexed = Statement(
    lambda: (
        update(custom_fields)
        .where(_c.resource_type == bindparam("of_type"), _c.key == bindparam("of_key"))
        .values(indexed=True)
    )
)


def spec_of(row: Any) -> Spec:
    return Spec.from_json(row["spec"], indexed=row["indexed"])


async def load(reader: Reader) -> Catalogue:
    rows = await reader.fetch(_load)
    return Catalogue(map(spec_of, rows), rows[0]["generation"] if rows else 0)


async def find(reader: Reader, resource: str, key: str) -> Any:
    """The stored row of a definition, or None."""
    return await reader.fetch_row(_one, resource_type=resource, key=key)


async def hold(work: UnitOfWork) -> int:
    """No definition changes until this transaction ends. Answers their generation."""
    return int(await work.fetch_value(_hold) or 0)


async def hold_alone(work: UnitOfWork) -> None:
    """No custom value is written until this transaction ends."""
    await work.execute(_begin)
    await work.fetch_value(_hold_alone)


async def put(work: UnitOfWork, spec: Spec, version: int) -> None:
    """The caller holds alone."""
    await work.execute(
        _put,
        resource_type=spec.resource_type,
        key=spec.key,
        version=version,
        spec=spec.to_json(),
        indexed=spec.indexed,
    )
    await announce(work)


async def set_indexed(work: UnitOfWork, spec: Spec) -> None:
    """The caller holds alone."""
    await work.execute(_set_indexed, of_type=spec.resource_type, of_key=spec.key)
    await announce(work)


async def announce(work: UnitOfWork) -> None:
    """Other processes see that they know less; this one knows as soon as the transaction has ended."""
    await work.fetch_value(_raise)
    fresh, directory = await load(work), current_call().directory

    def tell() -> None:
        directory.custom = fresh

    work.after_commit.append(tell)
