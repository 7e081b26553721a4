"""Statements of undoing an import."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, Uuid, bindparam, delete, func, select, tuple_, union_all, update

from taproot_customer.activities.model import Activity
from taproot_customer.contacts.model import Contact
from taproot_customer.customers.model import Customer, customer_keys
from taproot_customer.imports.model import import_changes
from taproot_customer.tasks.model import Task
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_h = import_changes.c
_k = customer_keys.c
_USES = (Contact, Activity, Task)

_open = Statement(
    lambda: (
        select(import_changes)
        .where(_h.import_id == bindparam("import_id"), _h.undo_result == "")
        .order_by(_h.customer_id)
        .limit(bindparam("size"))
    )
)
_note = Statement(
    lambda: (
        update(import_changes)
        .where(_h.import_id == bindparam("of"), _h.customer_id == bindparam("whom"))
        .values(undo_result=bindparam("result"), kept_fields=bindparam("kept", type_=ARRAY(Text())))
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


async def open_changes(work: UnitOfWork, import_id: uuid.UUID, size: int) -> list[Any]:
    return await work.fetch(_open, import_id=import_id, size=size)


async def note(
    work: UnitOfWork, import_id: uuid.UUID, answers: Iterable[tuple[uuid.UUID, str, Sequence[str]]]
) -> None:
    rows = [
        {"of": import_id, "whom": whom, "result": result, "kept": list(kept)}
        for whom, result, kept in answers
    ]
    await work.execute_many(_note, rows)


async def in_use(work: UnitOfWork, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Customers that contacts, activities or tasks hang on."""
    return {row[0] for row in await work.fetch(_in_use, ids=list(ids))} if ids else set()


async def free_all_keys(work: UnitOfWork, ids: Sequence[uuid.UUID]) -> None:
    """Their identifiers may belong to somebody again, as when the file is mended and taken once more."""
    if ids:
        await work.execute(_free_all, ids=list(ids))


async def free_keys(work: UnitOfWork, customer_id: uuid.UUID, keys: Iterable[tuple[str, str]]) -> None:
    wanted = sorted(keys)
    if wanted:
        await work.execute(
            delete(customer_keys).where(_k.customer_id == customer_id, tuple_(_k.kind, _k.normal).in_(wanted))
        )


def customers_for_undo(ids: Sequence[uuid.UUID]) -> Any:
    return (
        select(Customer)
        .where(Customer.id.in_(ids), visible(Customer))
        .order_by(Customer.id)
        .with_for_update(of=Customer.__table__)
    )
