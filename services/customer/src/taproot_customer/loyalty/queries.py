"""Reads and statements of loyalty classes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, insert, literal_column, select, true
from sqlalchemy.dialects.postgresql import insert as upsert

from taproot_customer.customers.model import Customer
from taproot_customer.loyalty.model import DEFAULT_RULES, loyalty_class_changes, loyalty_class_rules
from taproot_customer.reading import column_names
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

REASON = "every customer is classed, whoever sees it"
PAGE = 5000
_c, _h = Customer.__table__.c, loyalty_class_changes.c

CHANGES = Resource(
    "loyalty_class_change",
    [
        Field("id", _h.id, FieldType.ID, sortable=False),
        Field("customer_id", _h.customer_id, FieldType.ID, sortable=False),
        Field("previous_class", _h.previous_class, FieldType.TEXT),
        Field("loyalty_class", _h.loyalty_class, FieldType.TEXT),
        Field("change_time", _h.change_time, FieldType.INSTANT),
    ],
    default_order="change_time desc",
    id_column=_h.id,
)

_rules = Statement(lambda: select(loyalty_class_rules))
_locked = Statement(lambda: select(loyalty_class_rules).with_for_update())


def _put_statement() -> Any:
    names = [name for name in column_names(loyalty_class_rules) if name != "only"]
    put = upsert(loyalty_class_rules).values({"only": True} | {name: bindparam(name) for name in names})
    return put.on_conflict_do_update(
        index_elements=["only"], set_={name: put.excluded[name] for name in names}
    )


_put = Statement(_put_statement)
_note = Statement(
    lambda: insert(loyalty_class_changes).values(
        {name: bindparam(name) for name in column_names(loyalty_class_changes)}
    )
)


async def read_rules(reader: Reader, *, locked: bool = False) -> Mapping[str, Any]:
    return await reader.fetch_row(_locked if locked else _rules) or DEFAULT_RULES


async def put_rules(work: UnitOfWork, rules: Mapping[str, Any]) -> None:
    await work.execute(_put, **rules)


async def note_changes(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    await work.execute_many(_note, rows)


async def classes_of(reader: Reader, after: uuid.UUID | None) -> dict[uuid.UUID, str]:
    """Customer -> its class now, of the next living customers by id."""
    later = true() if after is None else _c.id > after
    rows = await reader.fetch(
        select(_c.id, _c.loyalty_class)
        .where(_c.delete_time.is_(None), later, unscoped(Customer, REASON))
        .order_by(_c.id)
        .limit(literal_column(str(PAGE)))
    )
    return {row["id"]: row["loyalty_class"] for row in rows}


def for_classing(ids: Sequence[uuid.UUID]) -> Any:
    return (
        select(Customer)
        .where(Customer.id.in_(ids), Customer.delete_time.is_(None), unscoped(Customer, REASON))
        .order_by(Customer.id)
        .with_for_update()
    )


def changes_of(members: Sequence[uuid.UUID]) -> Select[Any]:
    return select(loyalty_class_changes).where(_h.customer_id.in_(members))
