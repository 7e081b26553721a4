"""Use cases of the review queue: deciding about pairs, and the rules of searches."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, NotFound
from taproot_chassis import operations
from taproot_customer.merging.handlers import MergeCustomers, merge_customers
from taproot_customer.review import queries
from taproot_customer.review.model import DuplicatePair
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag

SEARCH = "duplicates.search"


@dataclass(frozen=True)
class AcceptPair:
    id: uuid.UUID
    region: str
    """Where telephone numbers without a country code belong."""
    etag: str = ""
    survivor_id: uuid.UUID | None = None
    choices: Mapping[str, str] = field(default_factory=dict)


async def start_search(work: UnitOfWork) -> uuid.UUID:
    """The operation. It sees what its caller sees and merges what its caller may merge."""
    return await operations.start(work, SEARCH, "", {})


async def accept_pair(command: AcceptPair, work: UnitOfWork) -> DuplicatePair:
    pair = await load(command.id, command.etag, work)
    sides = (pair.left_id, pair.right_id)
    survivor = command.survivor_id or await _older(pair, work)
    if survivor not in sides:
        raise InvalidArgument([("survivor_id", "is neither of the two customers")])
    source = sides[1] if survivor == sides[0] else sides[0]
    pair.merge(survivor, current_call().principal.subject, work.clock.now())
    await work.flush()
    await merge_customers(MergeCustomers(survivor, [source], command.choices, region=command.region), work)
    return pair


async def _older(pair: DuplicatePair, work: UnitOfWork) -> uuid.UUID:
    rows = await queries.customers_of(work, [{"left_id": pair.left_id, "right_id": pair.right_id}])
    return min(rows, key=lambda key: (rows[key]["create_time"], key))


async def dismiss_pair(key: uuid.UUID, etag: str, note: str, work: UnitOfWork) -> DuplicatePair:
    pair = await load(key, etag, work)
    pair.dismiss(note, current_call().principal.subject, work.clock.now())
    return pair


async def reopen_pair(key: uuid.UUID, etag: str, work: UnitOfWork) -> DuplicatePair:
    pair = await load(key, etag, work)
    pair.reopen(work.clock.now())
    return pair


async def load(key: uuid.UUID, etag: str, work: UnitOfWork) -> DuplicatePair:
    """The pair, locked, if the caller sees both customers."""
    pair: DuplicatePair | None = await work.scalar(queries.for_decision(key))
    if pair is None:
        raise NotFound("duplicate pair", key)
    check_etag(etag, pair.version)
    return pair


async def update_rules(values: Mapping[str, Any], etag: str, work: UnitOfWork) -> Mapping[str, Any]:
    stored = await queries.read_rules(work)
    check_etag(etag, stored["version"])
    rules = {name: values.get(name, stored[name]) for name in ("review_from", "merge_from")}
    if 0 < rules["merge_from"] < rules["review_from"]:
        why = "is below review_from: what is merged was worth a review"
        raise InvalidArgument([("duplicate_rules.merge_from", why)])
    rules |= {"update_time": work.clock.now(), "version": stored["version"] + 1}
    await queries.put_rules(work, rules)
    return rules
