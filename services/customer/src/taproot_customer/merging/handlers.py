"""Use cases of merging: joining records, setting them free again, finding likely duplicates."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, NotFound, WrongState
from taproot_base.ids import new_id
from taproot_customer.customers.model import Customer
from taproot_customer.customers.queries import put_keys
from taproot_customer.hierarchies.handlers import open_circle, parent_outside
from taproot_customer.hierarchies.queries import lock_tree
from taproot_customer.matching.identifiers import DEFAULT_REGION
from taproot_customer.matching.score import CANDIDATE, Match, compare_traits
from taproot_customer.matching.traits import Identity, traits_of
from taproot_customer.matching.weights import DEFAULT
from taproot_customer.merging import candidates, queries
from taproot_customer.merging.history import Fields, Merged, without
from taproot_customer.merging.identity import identity_of
from taproot_customer.merging.model import NotMerged, fields_of, keys_of, record_of, to_columns
from taproot_customer.merging.survivorship import Record, UnknownChoice, survive
from taproot_customer.review.following import follow_merge, follow_unmerge
from taproot_customer.sharing.handlers import follow_members
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.updates import check_etag


@dataclass(frozen=True)
class MergeCustomers:
    """`region`: where telephone numbers without a country code belong."""

    id: uuid.UUID
    source_ids: Sequence[uuid.UUID]
    choices: Mapping[str, str]
    etag: str = ""
    region: str = DEFAULT_REGION


@dataclass(frozen=True)
class UnmergeCustomer:
    id: uuid.UUID
    source_id: uuid.UUID
    region: str = DEFAULT_REGION


async def merge_customers(command: MergeCustomers, work: UnitOfWork) -> Customer:
    await lock_tree(work)
    survivor, sources = await _load(command, work)
    check_etag(command.etag, survivor.version)
    before = fields_of(survivor, command.region)
    records = [record_of(s, command.region) for s in sources]
    after = _survived(Record(str(survivor.id), survivor.update_time, before), records, command.choices)
    told = [after] if "parent_id" in command.choices else [after, before, *(r.fields for r in records)]
    after |= await _parent(told, survivor, sources, work)
    merge_id, survivor_time = new_id(), survivor.update_time
    members = {s.id: await queries.members_under(work, s.id) for s in sources}
    await queries.drop_keys(work, list(members))
    await put_keys(work, survivor.id, keys_of(after))
    await _absorb(survivor, sources, to_columns(after), merge_id, members, work)
    merge = {
        "id": merge_id,
        "survivor_id": survivor.id,
        "version": survivor.version,
        "create_time": work.clock.now(),
        "actor": current_call().principal.subject,
        "survivor_time": survivor_time,
        "before": before,
        "after": after,
        "choices": dict(command.choices),
    }
    journal = [_journalled(merge_id, record, members) for record in records]
    await queries.add_merge(work, merge, journal)
    await follow_members(survivor, sources, work)
    await follow_merge(work, survivor.id, list(members))
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


async def _parent(
    told: Sequence[Fields], survivor: Customer, sources: Sequence[Customer], work: UnitOfWork
) -> dict[str, Any]:
    """The parent that survives is none of those that become one record, nor below them."""
    candidates = [uuid.UUID(fields["parent_id"]) for fields in told if fields["parent_id"]]
    group = [survivor.id, *(source.id for source in sources)]
    found = await parent_outside(work, candidates, group)
    return {"parent_id": str(found) if found else None}


def _survived(survivor: Record, records: Sequence[Record], choices: Mapping[str, str]) -> dict[str, Any]:
    try:
        return survive(survivor, records, choices).fields
    except UnknownChoice as error:
        raise InvalidArgument([(f"field_sources.{error.field}", str(error))]) from error


def _journalled(
    merge_id: uuid.UUID, record: Record, members: Mapping[uuid.UUID, list[uuid.UUID]]
) -> dict[str, Any]:
    source_id = uuid.UUID(record.id)
    return {
        "merge_id": merge_id,
        "source_id": source_id,
        "update_time": record.update_time,
        "fields": dict(record.fields),
        "members": members[source_id],
        "undone_time": None,
    }


async def _absorb(
    survivor: Customer,
    sources: Sequence[Customer],
    values: dict[str, Any],
    merge_id: uuid.UUID,
    members: Mapping[uuid.UUID, list[uuid.UUID]],
    work: UnitOfWork,
) -> None:
    now = work.clock.now()
    joined = [key for source in sources for key in (source.id, *members[source.id])]
    survivor.change(values | {"merged_ids": [*survivor.merged_ids, *joined]}, now)
    survivor.record("merged", now, merge_id=merge_id, source_ids=joined)
    for source in sources:
        await queries.repoint(work, members[source.id], survivor.id)
        await queries.point(work, source.id, survivor.id, merge_id, survivor.version)
        source.delete(now)
        source.merged_into = survivor.id


async def unmerge_customer(command: UnmergeCustomer, work: UnitOfWork) -> Customer:
    """The caller holds TREE_LOCK, and those of the source's identifiers: nobody takes one while it is given back."""
    survivor, source = await _load_pair(command, work)
    merges, members = await queries.read_open_merges(work, survivor.id, source.id)
    if not merges:
        raise NotMerged("the record is not merged directly into this customer")
    current = fields_of(survivor, command.region)
    rewritten, fields = without(str(survivor.id), merges, str(source.id), current)
    for merge in rewritten:
        await queries.rewrite(work, merge)
    await queries.mark_undone(work, merges[0].id, source.id)
    await _part(survivor, source, fields, merges[0].id, members, work)
    await put_keys(work, survivor.id, keys_of(fields))
    await _give_back(source, fields, rewritten[-1], command.region, work)
    await open_circle(survivor, work)
    await open_circle(source, work)
    await follow_members(survivor, [], work)
    await follow_members(source, [], work)
    await follow_unmerge(work, survivor.id, source.id)
    return survivor


async def _load_pair(command: UnmergeCustomer, work: UnitOfWork) -> tuple[Customer, Customer]:
    if not await work.fetch_row(queries.is_seen(command.id)):
        raise NotFound("customer", command.id)
    both = {c.id: c for c in await work.scalars(queries.for_release([command.id, command.source_id]))}
    survivor = both[command.id]
    if survivor.state != "alive":
        raise WrongState("the customer", survivor.state, ["alive"])
    if command.source_id not in both:
        raise NotFound("customer", command.source_id)
    return survivor, both[command.source_id]


async def _part(
    survivor: Customer,
    source: Customer,
    fields: Fields,
    merge_id: uuid.UUID,
    members: Sequence[uuid.UUID],
    work: UnitOfWork,
) -> None:
    now = work.clock.now()
    gone = [source.id, *members]
    kept = [key for key in survivor.merged_ids if key not in gone]
    survivor.change(to_columns(fields) | {"merged_ids": kept}, now)
    survivor.record("unmerged", now, merge_id=merge_id, source_ids=gone)
    source.merged_into = None
    source.undelete(now)
    await queries.unpoint(work, source.id)
    await queries.repoint(work, members, source.id)


async def _give_back(
    source: Customer, survivor: Fields, rewritten: Merged, region: str, work: UnitOfWork
) -> None:
    """Its identifiers, but for those another living record has got since."""
    own = fields_of(source, region)
    taken = await queries.held_by_others(work, keys_of(own), (source.id, source.merged_into))
    taken |= set(keys_of(survivor)) - set(keys_of(rewritten.after))
    kept = [item for item in own["identifiers"] if not taken & set(keys_of({"identifiers": [item]}))]
    await put_keys(work, source.id, keys_of({"identifiers": kept}))
    if len(kept) < len(own["identifiers"]):
        source.change({"identifiers": to_columns({"identifiers": kept})["identifiers"]}, work.clock.now())


@dataclass(frozen=True)
class Candidate:
    row: Any
    match: Match


async def find_duplicates(
    values: Mapping[str, Any], itself: uuid.UUID, size: int, region: str, reader: Reader
) -> list[Candidate]:
    """Best first, from CANDIDATE on. `values`: columns of the customer to compare with."""
    identity = identity_of(values, region)
    wanted = traits_of(identity)
    model = DEFAULT.among(await candidates.population(reader))
    found = await candidates.find(reader, wanted, _normals(identity), itself)
    matches = {
        key: compare_traits(wanted, traits, model) for key, traits in found.items() if traits is not None
    }
    best = sorted(matches, key=lambda key: (-matches[key].score, str(key)))[:size]
    rows = await candidates.read_rows(reader, [*best, *(key for key in found if key not in matches)])
    for key, row in rows.items():
        if key not in matches:
            matches[key] = compare_traits(wanted, traits_of(identity_of(row, region)), model)
    shown = [Candidate(row, matches[key]) for key, row in rows.items() if matches[key].score >= CANDIDATE]
    return sorted(shown, key=lambda c: (-c.match.score, str(c.row["id"])))[:size]


def _normals(identity: Identity) -> list[str]:
    return [*identity.phones, *identity.emails, *(value for _, value in identity.numbers)]
