"""What is kept beside a record: the values lists filter by, and those no two records share."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Table, Text, Uuid, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from taproot_base.context import current_call_or_none
from taproot_base.errors import AlreadyExists, InvalidArgument
from taproot_custom import store
from taproot_custom.catalogue import Catalogue
from taproot_custom.fields import side_table
from taproot_custom.specs import Spec
from taproot_custom.values import stored_value, text_value
from taproot_storage.database import UnitOfWork
from taproot_storage.model import custom_type
from taproot_storage.schema import custom_dates, custom_instants, custom_numbers, custom_texts, custom_uniques
from taproot_storage.statements import Statement

SIDES = (custom_texts, custom_numbers, custom_dates, custom_instants)


class CustomValueTaken(AlreadyExists):
    """Another record has this value of a unique field; it is not told which."""

    reason = "CUSTOM_VALUE_TAKEN"

    def __init__(self, field: str) -> None:
        super().__init__(f"another record has this value of {field}", field=field)


@dataclass(frozen=True)
class Kept:
    """One record as written. `new`: nothing can be kept of it yet."""

    resource: str
    record_id: uuid.UUID
    custom: Mapping[str, Any]
    new: bool = False


async def keep_aggregates(work: UnitOfWork, entities: Sequence[Any]) -> None:
    """Companion of the event log."""
    found = [entity for entity in entities if hasattr(type(entity), "custom")]
    await keep(work, [Kept(custom_type(e), e.id, e.custom, e.version == 1) for e in found])


async def keep(work: UnitOfWork, records: Sequence[Kept]) -> None:
    """Keep what the definitions ask for. For those who write past the event log too.

    Raises InvalidArgument when a definition has changed since the values were checked, CustomValueTaken.
    """
    call = current_call_or_none()
    known = None if call is None else call.directory.custom
    if not isinstance(known, Catalogue):
        return
    concerned = [record for record in records if record.custom or known.of(record.resource)]
    if concerned:
        catalogue = await _current(work, known, concerned)
        for resource in {record.resource for record in concerned}:
            mine = [record for record in concerned if record.resource == resource]
            await _keep(work, catalogue.of(resource), mine)


async def _current(work: UnitOfWork, known: Catalogue, records: Sequence[Kept]) -> Catalogue:
    """The definitions in force, which hold until the transaction ends; newer ones are asked again."""
    if await store.hold(work) == known.generation:
        return known
    fresh = await store.load(work)
    call = current_call_or_none()
    assert call is not None
    call.directory.custom = fresh
    wrong = [v for record in records for v in fresh.misfits(record.resource, record.custom)]
    if wrong:
        raise InvalidArgument(dict.fromkeys(wrong))
    return fresh


async def _keep(work: UnitOfWork, specs: Mapping[str, Spec], records: Sequence[Kept]) -> None:
    for table in SIDES:
        mine = [spec for spec in specs.values() if spec.kept and side_table(spec) is table]
        await _replace(work, table, mine, records)
    unique = [spec for spec in specs.values() if spec.unique and not spec.retired]
    await _claim(work, unique, records)


async def _replace(work: UnitOfWork, table: Table, specs: Sequence[Spec], records: Sequence[Kept]) -> None:
    if not specs:
        return
    await _forget(work, table, specs, records)
    await put_values(
        work, table, [row for record in records for spec in specs for row in rows_of(spec, record)]
    )


async def put_values(work: UnitOfWork, table: Table, rows: Sequence[tuple[str, Any, uuid.UUID]]) -> None:
    """Rows of field, value and record; those that are there already stay."""
    if rows:
        fields, values, ids = zip(*rows, strict=True)
        await work.execute(_add(table), fields=list(fields), values=list(values), ids=list(ids))


async def _forget(work: UnitOfWork, table: Table, specs: Sequence[Spec], records: Sequence[Kept]) -> None:
    ids = [record.record_id for record in records if not record.new]
    if ids:
        await work.execute(_remove(table), ids=ids, fields=[spec.name for spec in specs])


def rows_of(spec: Spec, record: Kept) -> Iterator[tuple[str, Any, uuid.UUID]]:
    """Rows of one field of one record in its side table; none for what does not fit the definition."""
    value = _fitting(spec, record)
    if value is not None:
        for one in value if isinstance(value, list) else [value]:
            yield spec.name, _typed(spec, one), record.record_id


def unique_row(spec: Spec, record: Kept) -> tuple[str, str, uuid.UUID] | None:
    value = _fitting(spec, record)
    return None if value is None else (spec.name, text_value(spec, value), record.record_id)


def _fitting(spec: Spec, record: Kept) -> Any:
    value = record.custom.get(spec.key)
    try:
        return None if value is None else stored_value(spec, value)
    except ValueError:
        return None


def _typed(spec: Spec, stored: Any) -> Any:
    if spec.type == "boolean":
        return str(stored).lower()
    if spec.type == "money":
        return Decimal(stored["amount"])
    readers: Mapping[str, Callable[[str], Any]] = {
        "integer": Decimal,
        "decimal": Decimal,
        "date": date.fromisoformat,
        "instant": datetime.fromisoformat,
    }
    return readers.get(spec.type, str)(stored)


async def _claim(work: UnitOfWork, specs: Sequence[Spec], records: Sequence[Kept]) -> None:
    """In sorted order, so that two writers of the same values never wait for each other crosswise."""
    if not specs:
        return
    await _forget(work, custom_uniques, specs, records)
    found = [row for record in records for spec in specs if (row := unique_row(spec, record)) is not None]
    for row in sorted(found):
        if await work.fetch_value(_claim_one, field=row[0], value=row[1], record_id=row[2]) is None:
            resource, _, key = row[0].rpartition(".")
            raise CustomValueTaken(f"{resource}.custom.{key}")


_claim_one = Statement(
    lambda: (
        insert(custom_uniques)
        .values({name: bindparam(name) for name in ("field", "value", "record_id")})
        .on_conflict_do_nothing()
        .returning(custom_uniques.c.record_id)
    )
)


@cache
def _remove(table: Table) -> Statement:
    return Statement(
        lambda: delete(table).where(
            table.c.record_id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
            table.c.field == func.any(bindparam("fields", type_=ARRAY(Text))),
        )
    )


@cache
def _add(table: Table) -> Statement:
    def build() -> Any:
        rows = select(
            func.unnest(bindparam("fields", type_=ARRAY(Text))),
            func.unnest(bindparam("values", type_=ARRAY(table.c.value.type))),
            func.unnest(bindparam("ids", type_=ARRAY(Uuid))),
        )
        return insert(table).from_select(["field", "value", "record_id"], rows).on_conflict_do_nothing()

    return Statement(build)
