"""Use cases of objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import Placer, caller_id
from taproot_custom.catalogue import specs_of
from taproot_customer.object_types.model import ACTIVE, NONE, REQUIRED, ObjectType
from taproot_customer.object_types.queries import find_type
from taproot_customer.objects import queries
from taproot_customer.objects.access import narrow
from taproot_customer.objects.model import CustomObject
from taproot_customer.parents import find_parent
from taproot_records.keeping import flush_unique
from taproot_records.mapping import Values
from taproot_records.writing import load, new_key, patched
from taproot_storage.database import UnitOfWork


async def create_object(chosen: str, values: Values, work: UnitOfWork) -> CustomObject:
    kind = await find_type(work, values["type"])
    kind.require(ACTIVE)
    resource = narrow(kind, "create")
    key = await new_key(work, CustomObject, chosen)
    placed = await _placed(kind, resource, values, "create", work)
    await _check_customer(kind, placed, work)
    await _check_references(kind, placed["custom"], work)
    made = CustomObject.create({"id": key, "state": kind.first_state} | placed, work.clock.now())
    await work.add(made)
    await flush_unique(work)
    return made


async def _placed(kind: ObjectType, resource: str, values: Values, verb: str, work: UnitOfWork) -> Values:
    """Objects of a shared type lie in no branch."""
    owner = values.get("owner_id") or caller_id()
    place = await Placer(resource, work).place(owner, values.get("branch_id"), verb)
    if kind.shared:
        return values | {"owner_id": owner, "branch_id": None, "branch_path": ""}
    return values | {
        "owner_id": place.owner_id,
        "branch_id": place.branch_id,
        "branch_path": place.branch_path,
    }


async def _check_customer(kind: ObjectType, values: Values, work: UnitOfWork) -> None:
    customer = values.get("customer_id")
    if customer is None and kind.customer_relation == REQUIRED:
        raise InvalidArgument([("object.customer_id", "is required")])
    if customer is not None and kind.customer_relation == NONE:
        raise InvalidArgument([("object.customer_id", f"a {kind.key} belongs to no customer")])
    if customer is not None:
        values["customer_id"] = (await find_parent(work, customer)).id


async def _check_references(kind: ObjectType, custom: dict[str, Any], work: UnitOfWork) -> None:
    references = {
        spec.key: (spec.reference_type, custom[spec.key])
        for spec in specs_of(kind.resource_type)
        if spec.type == "reference" and custom.get(spec.key) and queries.checkable([spec.reference_type])
    }
    wrong = await queries.missing_references(work, references)
    if wrong:
        raise InvalidArgument((f"object.custom.{key}", "there is no such record") for key in wrong)


async def update_object(kind_key: str, key: str, etag: str, values: Values, work: UnitOfWork) -> CustomObject:
    kind = await find_type(work, kind_key)
    resource = narrow(kind, "update")
    thing = await _load(kind, key, etag, work)
    if "owner_id" in values or "branch_id" in values:
        asked = {"owner_id": thing.owner_id, "branch_id": thing.branch_id} | values
        values |= await _placed(kind, resource, asked, "update", work)
    await _check_references(kind, values.get("custom", {}), work)
    thing.change(patched(thing, values), work.clock.now())
    await flush_unique(work)
    return thing


async def _load(
    kind: ObjectType, key: str, etag: str, work: UnitOfWork, *, deleted: bool = False
) -> CustomObject:
    """The scope is that of the type: an object of another type is not found."""
    await queries.shelf(kind.key).row(work, key, deleted=deleted)
    return await load(work, CustomObject, key, etag, deleted=deleted)


async def transition_object(kind_key: str, key: str, etag: str, state: str, work: UnitOfWork) -> CustomObject:
    kind = await find_type(work, kind_key)
    narrow(kind, "update")
    thing = await _load(kind, key, etag, work)
    thing.transition(state, kind.leading_to(state), work.clock.now())
    return thing


async def delete_object(kind_key: str, key: str, etag: str, work: UnitOfWork) -> CustomObject:
    return await _bin(kind_key, key, etag, work, CustomObject.delete, deleted=False)


async def undelete_object(kind_key: str, key: str, etag: str, work: UnitOfWork) -> CustomObject:
    return await _bin(kind_key, key, etag, work, CustomObject.undelete, deleted=True)


async def _bin(
    kind_key: str,
    key: str,
    etag: str,
    work: UnitOfWork,
    verb: Callable[[CustomObject, Any], None],
    *,
    deleted: bool,
) -> CustomObject:
    kind = await find_type(work, kind_key)
    narrow(kind, "delete")
    thing = await _load(kind, key, etag, work, deleted=deleted)
    verb(thing, work.clock.now())
    return thing
