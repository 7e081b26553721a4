"""Use cases of merging: joining records, setting them free again, finding likely duplicates."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, NotFound, WrongState
from taproot_base.ids import new_id
from taproot_customer.customers.model import Customer, Key
from taproot_customer.customers.queries import put_keys
from taproot_customer.matching.blocking import blocking_keys
from taproot_customer.matching.score import CANDIDATE, Identity, compare
from taproot_customer.merging import queries
from taproot_customer.merging.identity import identity_of
from taproot_customer.merging.model import NotMerged, fields_of, record_of, to_columns, undone_fields
from taproot_customer.merging.survivorship import UnknownChoice, survive
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.updates import check_etag


@dataclass(frozen=True)
class MergeCustomers:
    id: uuid.UUID
    source_ids: Sequence[uuid.UUID]
    choices: Mapping[str, str]
    etag: str = ""


@dataclass(frozen=True)
class Candidate:
    row: Any
    score: float
    reasons: tuple[str, ...]


async def merge_customers(command: MergeCustomers, work: UnitOfWork) -> Customer:
    survivor, sources = await _load(command, work)
    check_etag(command.etag, survivor.version)
    ids = [source.id for source in sources]
    before = fields_of(survivor)
    records = [record_of(s.id, s.update_time, fields_of(s)) for s in sources]
    try:
        survived = survive(record_of(survivor.id, survivor.update_time, before), records, command.choices)
    except UnknownChoice as error:
        raise InvalidArgument([(f"field_sources.{error.field}", str(error))]) from error
    keys = await queries.keys_by_customer(work, [survivor.id, *ids])
    merge_id = new_id()
    journal = [await _journal_source(merge_id, s, keys[s.id], work) for s in sources]
    merge = {
        "id": merge_id,
        "survivor_id": survivor.id,
        "create_time": work.clock.now(),
        "actor": current_call().principal.subject,
        "survivor_time": survivor.update_time,
        "before": before,
        "after": survived.fields,
        "choices": dict(command.choices),
        "keys": keys[survivor.id],
    }
    await queries.add_merge(work, merge, journal)
    await queries.drop_keys(work, ids)
    await put_keys(work, survivor.id, _keys([pair for found in keys.values() for pair in found]))
    await _absorb(survivor, sources, to_columns(survived.fields), merge_id, work)
    return survivor


async def _load(command: MergeCustomers, work: UnitOfWork) -> tuple[Customer, list[Customer]]:
    if command.id in command.source_ids:
        raise InvalidArgument([("source_ids", "a record cannot be merged into itself")])
    found = {c.id: c for c in await work.scalars(queries.for_merge([command.id, *command.source_ids]))}
    for key in (command.id, *command.source_ids):
        if key not in found:
            raise NotFound("customer", key)
        if found[key].state != "alive":
            raise WrongState("the customer", found[key].state, ["alive"])
    survivor = found.pop(command.id)
    if any(source.kind != survivor.kind for source in found.values()):
        raise InvalidArgument([("source_ids", "a person and an organisation cannot be one customer")])
    return survivor, list(found.values())


async def _journal_source(
    merge_id: uuid.UUID, source: Customer, keys: list[list[str]], work: UnitOfWork
) -> dict[str, Any]:
    return {
        "merge_id": merge_id,
        "source_id": source.id,
        "update_time": source.update_time,
        "fields": fields_of(source),
        "keys": keys,
        "members": await queries.members_under(work, source.id),
        "undone_time": None,
    }


async def _absorb(
    survivor: Customer,
    sources: Sequence[Customer],
    values: dict[str, Any],
    merge_id: uuid.UUID,
    work: UnitOfWork,
) -> None:
    now = work.clock.now()
    joined = [key for source in sources for key in (source.id, *source.merged_ids)]
    survivor.change(values | {"merged_ids": [*survivor.merged_ids, *joined]}, now)
    ids = [source.id for source in sources]
    survivor.record("merged", now, merge_id=merge_id, source_ids=ids)
    for source in sources:
        await queries.repoint(work, await queries.members_under(work, source.id), survivor.id)
        await queries.point(work, source.id, survivor.id, merge_id, survivor.version)
        source.delete(now)
        source.merged_into = survivor.id


def _keys(pairs: Sequence[Sequence[str]]) -> list[Key]:
    return list(dict.fromkeys(Key(kind, normal) for kind, normal in pairs))


async def unmerge_customer(survivor_id: uuid.UUID, source_id: uuid.UUID, work: UnitOfWork) -> Customer:
    found = await work.scalars(queries.for_merge([survivor_id]))
    if not found:
        raise NotFound("customer", survivor_id)
    survivor: Customer = found[0]
    rows = await queries.read_open_merge(work, survivor_id, source_id)
    if not rows:
        raise NotMerged("the record is not merged directly into this customer")
    mine = next(row for row in rows if row["source_id"] == source_id)
    source: Customer | None = await work.scalar(queries.for_release(source_id))
    if source is None:
        raise NotFound("customer", source_id)
    await _release(survivor, source, mine, _fields_without(survivor, source_id, rows), work)
    return survivor


def _fields_without(survivor: Customer, source_id: uuid.UUID, rows: Sequence[Any]) -> dict[str, Any]:
    """What the survivor would be had the source never been merged, with later changes kept."""
    merge = rows[0]
    others = [
        record_of(row["source_id"], row["update_time"], row["fields"])
        for row in rows
        if row["source_id"] != source_id
    ]
    known = {str(survivor.id), *(record.id for record in others)}
    choices = {name: key for name, key in merge["choices"].items() if key in known}
    start = record_of(survivor.id, merge["survivor_time"], merge["before"])
    without = survive(start, others, choices).fields
    return undone_fields(fields_of(survivor), merge["after"], without)


async def _release(
    survivor: Customer, source: Customer, row: Any, values: dict[str, Any], work: UnitOfWork
) -> None:
    now = work.clock.now()
    members: list[uuid.UUID] = list(row["members"])
    gone = {source.id, *members}
    kept = [key for key in survivor.merged_ids if key not in gone]
    await _return_keys(survivor.id, source.id, row, work)
    survivor.change(to_columns(values) | {"merged_ids": kept}, now)
    survivor.record("unmerged", now, merge_id=row["id"], source_ids=[source.id])
    source.merged_into = None
    source.undelete(now)
    await queries.unpoint(work, source.id)
    await queries.repoint(work, members, source.id)
    await queries.mark_undone(work, row["id"], source.id)


async def _return_keys(survivor_id: uuid.UUID, source_id: uuid.UUID, row: Any, work: UnitOfWork) -> None:
    held = (await queries.keys_by_customer(work, [survivor_id]))[survivor_id]
    taken = [pair for pair in held if pair not in row["source_keys"] or pair in row["keys"]]
    await put_keys(work, survivor_id, _keys(taken))
    await put_keys(work, source_id, _keys(row["source_keys"]))


async def find_duplicates(
    values: Mapping[str, Any], itself: uuid.UUID, size: int, region: str, reader: Reader
) -> list[Candidate]:
    """Best first, from CANDIDATE on. `values`: columns of the customer to compare with."""
    wanted = identity_of(values, region)
    rows = await queries.find_candidates(reader, sorted(blocking_keys(wanted)), _normals(wanted), itself)
    found = []
    for row in rows:
        match = compare(wanted, identity_of(row, region))
        if match.score >= CANDIDATE:
            found.append(Candidate(row, match.score, match.reasons))
    return sorted(found, key=lambda c: (-c.score, str(c.row["id"])))[:size]


def _normals(identity: Identity) -> list[str]:
    return [*identity.phones, *identity.emails, *(value for _, value in identity.numbers)]
