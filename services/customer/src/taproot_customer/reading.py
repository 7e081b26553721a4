"""Single records and rows to list, the same way for every feature."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, select, true

from taproot_base.errors import NotFound
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.updates import check_etag
from taproot_storage.visibility import visible


def listed(model: Any) -> Select[Any]:
    """What lists and aggregates read: all columns, outside the recycle bin."""
    table = model.__table__
    deleted = table.c.get("delete_time")
    return select(table).where(true() if deleted is None else deleted.is_(None))


async def read_one(reader: Reader, model: Any, key: uuid.UUID) -> Any:
    """A row of the table, in the recycle bin or not. Raises NotFound."""
    table = model.__table__
    row = await reader.fetch_row(select(table).where(table.c.id == key, visible(model)))
    if row is None:
        raise NotFound(model.aggregate_type, key)
    return row


async def load_one(work: UnitOfWork, model: Any, key: uuid.UUID, etag: str = "") -> Any:
    """The mapped record, locked for the transaction, if the caller may change it. Raises NotFound, EtagMismatch."""
    statement = select(model).where(model.id == key, visible(model)).with_for_update(of=model.__table__)
    found = await work.scalar(statement)
    if found is None:
        raise NotFound(model.aggregate_type, key)
    check_etag(etag, found.version)
    return found


def column_names(table: Any) -> list[str]:
    return [column.name for column in table.c]
