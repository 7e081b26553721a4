"""Erasing one person in one service: its tables and its event log in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ARRAY, Table, Uuid, bindparam, delete, func, insert, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot_records.privacy.holdings import BESIDE, Holding, Holdings, Person, one_of, within
from taproot_records.privacy.redaction import redacted
from taproot_storage import erased
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.schema import dead_letters, erasure_steps, event_log, operations
from taproot_storage.statements import Statement

_e, _o = event_log.c, operations.c
_step = Statement(
    lambda: select(erasure_steps).where(erasure_steps.c.erasure_id == bindparam("key")).with_for_update()
)
_keep_step = Statement(
    lambda: insert(erasure_steps).values({c.name: bindparam(c.name) for c in erasure_steps.c})
)
_report = Statement(
    lambda: (
        update(erasure_steps)
        .where(erasure_steps.c.erasure_id == bindparam("key"))
        .values(report=bindparam("said"))
    )
)


@dataclass
class Step:
    """What one service does for one erasure."""

    report: pb.ErasePersonalDataResponse
    keys: frozenset[uuid.UUID] = frozenset()
    """Of the person and of every record about the person: what events and messages are found by."""
    files: Sequence[str] = field(default_factory=list)


async def earlier(work: UnitOfWork, erasure: uuid.UUID) -> Step | None:
    """The step as it was done before."""
    row = await work.fetch_row(_step, key=erasure)
    if row is None:
        return None
    report = pb.ErasePersonalDataResponse.FromString(row["report"])
    return Step(report, frozenset(row["record_ids"]), row["blob_keys"])


async def keep(work: UnitOfWork, erasure: uuid.UUID, step: Step) -> None:
    await work.execute(
        _keep_step,
        erasure_id=erasure,
        record_ids=sorted(step.keys),
        blob_keys=list(step.files),
        report=step.report.SerializeToString(),
        create_time=work.clock.now(),
    )


async def forget_step(work: UnitOfWork, erasure: uuid.UUID) -> None:
    await work.execute(delete(erasure_steps).where(erasure_steps.c.erasure_id == erasure))


async def keep_report(work: UnitOfWork, erasure: uuid.UUID, report: pb.ErasePersonalDataResponse) -> None:
    await work.execute(_report, key=erasure, said=report.SerializeToString())


async def erase(holdings: Holdings, person: Person, work: UnitOfWork, blobs: Any) -> Step:
    """Everything in the caller's transaction; files are only named."""
    now = work.clock.now()
    keys = person.keys | await record_keys(holdings, person, work)
    files = await holdings.files(work, person, blobs)
    report = pb.ErasePersonalDataResponse(file_count=len(files))
    subjects = person.keys | await _without_party(keys, person, work)
    await erased.remember(work, map(erased.hash_of, sorted(subjects)), now)
    for one in holdings.all:
        deleted, blanked = await _apply(one, person, work)
        if deleted or blanked:
            retention = one.retention if blanked else ""
            report.tables.add(
                table=one.table.name, deleted_count=deleted, blanked_count=blanked, retention=retention
            )
    await _shared(report, keys, person, work)
    report.event_count = await rewrite_events(holdings.service, keys, person, work)
    return Step(report, keys, files)


async def record_keys(holdings: Holdings, person: Person, reader: Reader) -> frozenset[uuid.UUID]:
    return await _keys(holdings.held, person, reader)


async def subject_keys(holdings: Holdings, person: Person, reader: Reader) -> frozenset[uuid.UUID]:
    return await _keys([one for one in holdings.held if one.subject], person, reader)


async def _without_party(keys: frozenset[uuid.UUID], person: Person, reader: Reader) -> frozenset[uuid.UUID]:
    """Records about the person with events that name nobody, or somebody else: they are known by their id alone."""
    named = _e.party_id.is_not(None) & one_of(_e.party_id, person.party_ids)
    rows = await reader.fetch(select(_e.aggregate_id).distinct().where(one_of(_e.aggregate_id, keys), ~named))
    return frozenset(row[0] for row in rows)


async def _keys(held: Sequence[Holding], person: Person, reader: Reader) -> frozenset[uuid.UUID]:
    found: set[uuid.UUID] = set()
    for one in held:
        column = one.table.c.get("id")
        if column is not None and isinstance(column.type, Uuid) and not one.foreign:
            rows = await reader.fetch(select(column).where(one.of(person), within(one.table)))
            found.update(row[0] for row in rows)
    return frozenset(found)


async def _apply(one: Holding, person: Person, work: UnitOfWork) -> tuple[int, int]:
    """(rows deleted, rows blanked)"""
    condition = (one.of(person), within(one.table))
    if not one.blank and not one.fill and not one.part:
        return await work.execute(delete(one.table).where(*condition)), 0
    columns = one.table.c
    values: dict[str, Any] = {name: empty(columns[name], listed=name in one.lists) for name in one.blank}
    values |= {name: columns[other] for name, other in one.fill.items()}
    values |= {name: left(person) for name, left in one.part.items()}
    return 0, await work.execute(update(one.table).where(*condition).values(values))


def empty(column: Any, *, listed: bool = False) -> ColumnElement[Any]:
    """What a column holds when it says nothing."""
    if column.nullable:
        return null()
    if isinstance(column.type, ARRAY):
        return literal([], column.type)
    if isinstance(column.type, JSONB):
        return literal([] if listed else {}, JSONB)
    return literal("", column.type)


async def _shared(
    report: pb.ErasePersonalDataResponse, keys: frozenset[uuid.UUID], person: Person, work: UnitOfWork
) -> None:
    """Letters about the person go, and what operations about the person said."""
    party = dead_letters.c.headers["ce-party"].astext.in_(sorted(map(str, person.party_ids)))
    gone = await work.execute(
        delete(dead_letters).where(or_(party, one_of(dead_letters.c.aggregate_id, keys)))
    )
    for table in BESIDE:
        _note(report, table, await work.execute(delete(table).where(one_of(table.c.record_id, keys))), 0, "")
    ended = (_o.state.not_in(("pending", "running")), operations_about(keys))
    said = {"parameters": literal({}, JSONB), "response": null(), "error_message": null()}
    blanked = await work.execute(update(operations).where(*ended).values(said))
    _note(report, dead_letters, gone, 0, "")
    _note(report, operations, 0, blanked, "that it ran stays on record")


def operations_about(keys: frozenset[uuid.UUID]) -> ColumnElement[bool]:
    return _o.resource_id.in_(sorted(map(str, keys)))


def _note(report: Any, table: Table, deleted: int, blanked: int, retention: str) -> None:
    if deleted or blanked:
        report.tables.add(table=table.name, deleted_count=deleted, blanked_count=blanked, retention=retention)


def about(keys: frozenset[uuid.UUID], person: Person) -> ColumnElement[bool]:
    """Events of the person's records, and those that name the person."""
    return or_(one_of(_e.aggregate_id, keys), one_of(_e.party_id, person.party_ids))


async def rewrite_events(service: str, keys: frozenset[uuid.UUID], person: Person, work: UnitOfWork) -> int:
    """Same ids, versions and times; returns how many changed."""
    columns = (_e.id, _e.occurred_at, _e.type, _e.payload)
    wanted = select(*columns).where(about(keys, person)).order_by(_e.number)
    changed = 0
    for row in await work.fetch(wanted):
        content = redacted(service, row["type"], row["payload"])
        if content != row["payload"]:
            await erased.rewrite(work, row["id"], row["occurred_at"], content)
            changed += 1
    return changed


async def unpublished(keys: frozenset[uuid.UUID], person: Person, reader: Reader) -> int:
    wanted = select(func.count()).select_from(event_log)
    return int(await reader.fetch_value(wanted.where(about(keys, person), _e.published_at.is_(None))))
