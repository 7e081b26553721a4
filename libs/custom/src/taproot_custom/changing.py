"""A definition comes into force in one service: what stands in its way, and what is kept of old records."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Table, Text, and_, bindparam, delete, exists, func, select, true
from sqlalchemy.sql.elements import ColumnElement

from taproot_base.errors import AppError, Kind
from taproot_custom import store
from taproot_custom.fields import side_table
from taproot_custom.keeping import SIDES, Kept, put_values, rows_of, unique_row
from taproot_custom.specs import Spec
from taproot_custom.values import stored_value
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.schema import custom_uniques
from taproot_storage.statements import Statement
from taproot_storage.visibility import is_scoped, unscoped

BATCH = 500
MOST_COUNTED = 10_000
_REASON = "a definition is about the records of all branches"
_LIMITS = (
    "scale", "minimum", "maximum", "min_length", "max_length", "pattern", "options", "type",
)  # fmt: skip


class RecordsInTheWay(AppError):
    """Stored values that a definition would not allow; counted up to 10,000."""

    kind = Kind.STATE
    reason = "RECORDS_IN_THE_WAY"

    def __init__(self, field: str, count: int, why: str) -> None:
        super().__init__(f"{count} records {why}", field=field, count=str(count))


@dataclass(frozen=True)
class Holding:
    """The records of one type: their mapped class, and which of its rows they are."""

    model: Any
    which: ColumnElement[bool] | None = None

    @property
    def rows(self) -> ColumnElement[bool]:
        scope = unscoped(self.model, _REASON) if is_scoped(self.model) else true()
        return scope if self.which is None else and_(scope, self.which)

    @property
    def alive(self) -> ColumnElement[bool]:
        """What is in the recycle bin stands in nobody's way."""
        columns = self.model.__table__.c
        return and_(self.rows, columns.delete_time.is_(None)) if "delete_time" in columns else self.rows


def _has(holding: Holding, key: str) -> ColumnElement[bool]:
    has: ColumnElement[bool] = holding.model.__table__.c.custom.has_key(key)
    return has


async def check_stored(work: UnitOfWork, spec: Spec, before: Spec | None, holding: Holding) -> None:
    """Raises RecordsInTheWay. The caller holds alone, so that no value is written meanwhile."""
    if spec.required and not spec.default_value and not (before and before.required):
        rows = select(1).where(holding.alive, ~_has(holding, spec.key)).limit(MOST_COUNTED).subquery()
        if count := await work.fetch_value(select(func.count()).select_from(rows)):
            raise RecordsInTheWay(spec.name, count, f"have no {spec.key}")
    if before is None or any(getattr(spec, name) != getattr(before, name) for name in _LIMITS):
        count = 0
        async for rows_found in _batches(work, holding, spec.key):
            count += sum(not _fits(spec, row["value"]) for row in rows_found)
            if count >= MOST_COUNTED:
                break
        if count:
            raise RecordsInTheWay(spec.name, min(count, MOST_COUNTED), f"have a {spec.key} that does not fit")


def _fits(spec: Spec, value: Any) -> bool:
    try:
        stored_value(spec, value)
    except ValueError:
        return False
    return True


async def _batches(
    reader: Reader, holding: Holding, key: str, *, locked: bool = False
) -> AsyncIterator[Sequence[Any]]:
    after = uuid.UUID(int=0)
    while rows := await _batch(reader, holding, key, after, locked=locked):
        yield rows
        after = rows[-1]["id"]


async def _batch(
    reader: Reader, holding: Holding, key: str, after: uuid.UUID, *, locked: bool
) -> Sequence[Any]:
    columns = holding.model.__table__.c
    statement = (
        select(columns.id, columns.custom[key].label("value"))
        .where(holding.rows, _has(holding, key), columns.id > after)
        .order_by(columns.id)
        .limit(BATCH)
    )
    return await reader.fetch(statement.with_for_update(read=True) if locked else statement)


async def put_in_force(
    work: UnitOfWork, spec: Spec, version: int, holding: Holding | None, *, strict: bool = False
) -> bool:
    """Store the definition; True when the side tables have to be filled. The caller holds alone.

    `holding`: the records of that type, if they are this service's. `strict`: RecordsInTheWay when they share
    values of a unique field; a service that only hears of it lets the first of them have it.
    """
    row = await store.find(work, spec.resource_type, spec.key)
    if row is not None and row["version"] >= version:
        return False
    before = None if row is None else store.spec_of(row)
    indexed = spec.kept and await _is_complete(work, spec, before, holding)
    await store.put(work, replace(spec, indexed=indexed), version)
    if not spec.kept:
        await work.execute(_drop[side_table(spec)], field_name=spec.name)
    if spec.unique and not spec.retired and not (before and before.unique and not before.retired):
        await _claim_all(work, spec, holding, strict=strict)
    elif not spec.unique or spec.retired:
        await work.execute(_drop[custom_uniques], field_name=spec.name)
    return spec.kept and not indexed


async def _is_complete(work: UnitOfWork, spec: Spec, before: Spec | None, holding: Holding | None) -> bool:
    if holding is None or (before is not None and before.kept and before.indexed):
        return True
    some = select(exists(select(1).where(holding.rows, _has(holding, spec.key))))
    return not await work.fetch_value(some)


async def _claim_all(work: UnitOfWork, spec: Spec, holding: Holding | None, *, strict: bool) -> None:
    await work.execute(_drop[custom_uniques], field_name=spec.name)
    if holding is None:
        return
    wanted = 0
    async for rows in _batches(work, holding, spec.key):
        found = [unique_row(spec, _kept(spec, row)) for row in rows]
        claims = [row for row in found if row is not None]
        wanted += len(claims)
        await put_values(work, custom_uniques, claims)
    have = await work.fetch_value(_count_uniques, field_name=spec.name)
    if strict and have < wanted:
        raise RecordsInTheWay(spec.name, wanted - have, f"share their {spec.key} with others")


def _kept(spec: Spec, row: Any) -> Kept:
    return Kept(spec.resource_type, row["id"], {spec.key: row["value"]})


async def fill_batch(
    work: UnitOfWork, spec: Spec, holding: Holding, after: uuid.UUID
) -> tuple[uuid.UUID | None, int]:
    """Side rows of the next records that have a value, which do not change meanwhile.

    The last of them, None at the end, and how many they were.
    """
    rows = await _batch(work, holding, spec.key, after, locked=True)
    await put_values(work, side_table(spec), [one for row in rows for one in rows_of(spec, _kept(spec, row))])
    return (rows[-1]["id"] if rows else None), len(rows)


async def count_values(reader: Reader, spec: Spec, holding: Holding) -> int:
    rows = (
        select(func.count()).select_from(holding.model.__table__).where(holding.rows, _has(holding, spec.key))
    )
    return int(await reader.fetch_value(rows))


def _drop_statement(table: Table) -> Statement:
    return Statement(lambda: delete(table).where(table.c.field == bindparam("field_name", type_=Text)))


_drop = {table: _drop_statement(table) for table in (*SIDES, custom_uniques)}
_count_uniques = Statement(
    lambda: (
        select(func.count())
        .select_from(custom_uniques)
        .where(custom_uniques.c.field == bindparam("field_name", type_=Text))
    )
)
