"""Use cases of relationships."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer, caller_id
from taproot_customer.parents import find_parent
from taproot_customer.reading import load_one
from taproot_customer.relationships import queries
from taproot_customer.relationships.model import Relationship, RelationshipExists
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import merge_patch


@dataclass(frozen=True)
class CreateRelationship:
    id: uuid.UUID | None
    customer_id: uuid.UUID
    related_customer_id: uuid.UUID
    values: Mapping[str, Any]
    owner_id: uuid.UUID | None = None


@dataclass(frozen=True)
class UpdateRelationship:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


async def create_relationship(command: CreateRelationship, work: UnitOfWork) -> Relationship:
    first = await find_parent(work, command.customer_id)
    second = await find_parent(work, command.related_customer_id)
    link = queries.same_link(first.id, second.id, command.values["kind"], command.values.get("label", ""))
    if await work.fetch_row(link):
        raise RelationshipExists("the two customers are linked so already")
    place = await Placer("relationships", work).place(command.owner_id or caller_id(), first.branch_id)
    values = {
        **command.values,
        "customer_id": first.id,
        "related_customer_id": second.id,
        "related_display_name": second.display_name,
        "owner_id": place.owner_id,
        "branch_id": place.branch_id,
        "branch_path": place.branch_path,
    }
    relationship = Relationship.create(command.id or new_id(), values, work.clock.now())
    _check_period(relationship)
    await work.add(relationship)
    return relationship


async def update_relationship(command: UpdateRelationship, work: UnitOfWork) -> Relationship:
    relationship: Relationship = await load_one(work, Relationship, command.id, command.etag)
    values = dict(command.values)
    if "custom" in values:
        values["custom"] = merge_patch(relationship.custom, values["custom"])
    relationship.change(values, work.clock.now())
    _check_period(relationship)
    return relationship


def _check_period(relationship: Relationship) -> None:
    start, end = relationship.start_date, relationship.end_date
    if start and end and end < start:
        raise InvalidArgument([("relationship.end_date", "lies before the start")])


async def delete_relationship(key: uuid.UUID, etag: str, work: UnitOfWork) -> Relationship:
    relationship: Relationship = await load_one(work, Relationship, key, etag)
    relationship.delete(work.clock.now())
    await work.flush()
    await work.execute(queries.remove(key))
    return relationship
