"""Statements of undoing an import."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, Uuid, bindparam, delete, func, select, union_all, update

from taproot_customer.activities.model import Activity
from taproot_customer.contacts.model import Contact
from taproot_customer.customers.messages import FIELDS
from taproot_customer.customers.model import Customer, customer_keys
from taproot_customer.imports.model import import_changes
from taproot_customer.tasks.model import Task
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_h = import_changes.c
_k = customer_keys.c
_c = Customer.__table__.c
_USES = (Contact, Activity, Task)
_LOCKED = "read as visible, and locked since"

_IDS: Any = ARRAY(Uuid())
# What a restored customer may get back, with what follows from it; its place and its life are not the import's.
_GIVEN_BACK = (*FIELDS, "sort_key", "search_tokens", "version", "update_time")


@dataclass(frozen=True)
class Answer:
    """What became of a customer. `kept_fields`: of an updated one, those that somebody changed since."""

    customer_id: uuid.UUID
    result: str
    kept_fields: tuple[str, ...] = ()


_open = Statement(
    lambda: (
        select(import_changes)
        .where(
            _h.import_id == bindparam("import_id"),
            _h.customer_id > bindparam("after"),
            _h.undo_result == "",
        )
        .order_by(_h.customer_id)
        .limit(bindparam("size"))
    )
)


def _given(**types: Any) -> Any:
    """One row for each place in the arrays."""
    arrays = (bindparam(f"all_{name}", type_=ARRAY(kind)) for name, kind in types.items())
    return func.unnest(*arrays).table_valued(*types, name="given").render_derived()


def _note_statement() -> Any:
    given = _given(whom=Uuid(), result=Text())
    return (
        update(import_changes)
        .where(_h.import_id == bindparam("of"), _h.customer_id == given.c.whom)
        .values(undo_result=given.c.result)
    )


def _free_statement() -> Any:
    given = _given(whom=Uuid(), kind=Text(), normal=Text())
    return delete(customer_keys).where(
        _k.customer_id == given.c.whom, _k.kind == given.c.kind, _k.normal == given.c.normal
    )


_note = Statement(_note_statement)
_free = Statement(_free_statement)
_note_fields = Statement(
    lambda: (
        update(import_changes)
        .where(_h.import_id == bindparam("of"), _h.customer_id == bindparam("whom"))
        .values(kept_fields=bindparam("kept", type_=ARRAY(Text())))
    )
)
_locked = Statement(
    lambda: (
        select(Customer.__table__)
        .where(_c.id == func.any(bindparam("ids", type_=_IDS)), visible(Customer))
        .order_by(_c.id)
        .with_for_update(of=Customer.__table__)
    )
)
_remove = Statement(
    lambda: (
        update(Customer)
        .where(_c.id == func.any(bindparam("ids", type_=_IDS)), unscoped(Customer, _LOCKED))
        .values(delete_time=bindparam("now"), update_time=bindparam("now"), version=_c.version + 1)
    )
)
_store = Statement(
    lambda: (
        update(Customer)
        .where(_c.id == bindparam("whom"), unscoped(Customer, _LOCKED))
        .values({name: bindparam(name) for name in _GIVEN_BACK})
    )
)


def _in_use_statement() -> Any:
    ids = bindparam("ids", type_=ARRAY(Uuid()))
    return union_all(
        *(
            select(model.__table__.c.customer_id).where(
                model.__table__.c.customer_id == func.any(ids),
                unscoped(model, "records hang on the customer"),
            )
            for model in _USES
        )
    )


_in_use = Statement(_in_use_statement)
_free_all = Statement(
    lambda: delete(customer_keys).where(_k.customer_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
)


async def open_changes(work: UnitOfWork, import_id: uuid.UUID, after: uuid.UUID, size: int) -> list[Any]:
    return await work.fetch(_open, import_id=import_id, after=after, size=size)


async def note(work: UnitOfWork, import_id: uuid.UUID, answers: Sequence[Answer]) -> None:
    ids, results = [one.customer_id for one in answers], [one.result for one in answers]
    await work.execute(_note, of=import_id, all_whom=ids, all_result=results)
    with_fields = [one for one in answers if one.kept_fields]
    rows = [{"of": import_id, "whom": a.customer_id, "kept": list(a.kept_fields)} for a in with_fields]
    await work.execute_many(_note_fields, rows)


async def in_use(work: UnitOfWork, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Customers that contacts, activities or tasks hang on."""
    return {row[0] for row in await work.fetch(_in_use, ids=list(ids))} if ids else set()


async def locked_customers(work: UnitOfWork, ids: Sequence[uuid.UUID]) -> list[Any]:
    """All columns of those the caller sees; nobody else changes them until the transaction ends."""
    return await work.fetch(_locked, ids=list(ids))


async def remove_customers(work: UnitOfWork, ids: Sequence[uuid.UUID], now: datetime) -> None:
    if ids:
        await work.execute(_remove, ids=list(ids), now=now)


async def store_customers(work: UnitOfWork, restored: Sequence[Customer]) -> None:
    rows = [{"whom": one.id} | {name: getattr(one, name) for name in _GIVEN_BACK} for one in restored]
    await work.execute_many(_store, rows)


async def free_all_keys(work: UnitOfWork, ids: Sequence[uuid.UUID]) -> None:
    """Their identifiers may belong to somebody again, as when the file is mended and taken once more."""
    if ids:
        await work.execute(_free_all, ids=list(ids))


async def free_keys(work: UnitOfWork, keys: Sequence[tuple[uuid.UUID, str, str]]) -> None:
    """Of customers, kinds and normal forms."""
    if keys:
        whom, kinds, normals = zip(*keys, strict=True)
        await work.execute(_free, all_whom=list(whom), all_kind=list(kinds), all_normal=list(normals))
