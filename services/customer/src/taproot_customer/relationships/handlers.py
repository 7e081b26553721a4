"""Use cases of relationships."""

from __future__ import annotations

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import Placer, caller_id
from taproot_customer.parents import find_parent
from taproot_customer.relationships import queries
from taproot_customer.relationships.model import Relationship, RelationshipExists
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, moved, new_key, patched
from taproot_storage.database import UnitOfWork


async def create_relationship(chosen: str, given: Values, work: UnitOfWork) -> Relationship:
    first = await find_parent(work, given["customer_id"])
    second = await find_parent(work, given["related_customer_id"])
    link = queries.same_link(first.id, second.id, given["kind"], given.get("label", ""))
    if await work.fetch_row(link):
        raise RelationshipExists("the two customers are linked so already")
    place = await Placer("relationships", work).place(given.get("owner_id") or caller_id(), first.branch_id)
    values = given | first.held | {"owner_id": place.owner_id, "related_customer_id": second.id}
    values["related_display_name"] = second.display_name
    key = await new_key(work, Relationship, chosen)
    relationship = Relationship.create(key, values, work.clock.now())
    _check_period(relationship)
    await work.add(relationship)
    return relationship


async def update_relationship(key: str, etag: str, values: Values, work: UnitOfWork) -> Relationship:
    relationship = await load(work, Relationship, key, etag)
    changed = patched(relationship, await moved(work, "relationships", relationship, values))
    relationship.change(changed, work.clock.now())
    _check_period(relationship)
    return relationship


def _check_period(relationship: Relationship) -> None:
    start, end = relationship.start_date, relationship.end_date
    if start and end and end < start:
        raise InvalidArgument([("relationship.end_date", "lies before the start")])


async def delete_relationship(key: str, etag: str, work: UnitOfWork) -> Relationship:
    relationship = await load(work, Relationship, key, etag)
    relationship.delete(work.clock.now())
    await discard(work, relationship)
    return relationship
