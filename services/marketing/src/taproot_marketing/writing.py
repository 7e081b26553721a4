"""How every resource of this service is changed: what a caller may set, and how a record is loaded for it."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any, TypeVar

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from sqlalchemy import select, true

from taproot_chassis import wire
from taproot_chassis.database import UnitOfWork
from taproot_chassis.errors import AlreadyExists, NotFound
from taproot_chassis.ids import new_id
from taproot_chassis.placement import Place, Placer, caller_id
from taproot_chassis.updates import changed_fields, check_etag
from taproot_chassis.visibility import scope_rules, unscoped, visible
from taproot_marketing.mapping import Values, merge_custom, values_of

E = TypeVar("E")


class IdTaken(AlreadyExists):
    reason = "ID_TAKEN"

    def __init__(self, key: uuid.UUID) -> None:
        super().__init__("there is a record with this id", id=str(key))


@cache
def settable(descriptor: Descriptor) -> tuple[str, ...]:
    """Fields a caller may set on create, but for the key."""
    behavior = field_behavior_pb2.field_behavior
    return tuple(
        field.name
        for field in descriptor.fields
        if field.name not in ("id", "etag")
        and field_behavior_pb2.OUTPUT_ONLY not in field.GetOptions().Extensions[behavior]
    )


def given(resource: Message) -> Values:
    """Everything of a new record, as stored."""
    return values_of(resource, settable(resource.DESCRIPTOR))


def changes(resource: Message, mask: Any) -> Values:
    """What an update changes, as stored."""
    return values_of(resource, changed_fields(resource, mask))


async def new_key(work: UnitOfWork, model: Any, resource: Any) -> uuid.UUID:
    """The key the client chose, if it is free, or a new one."""
    chosen = wire.optional_uuid(resource.id)
    if chosen is None:
        return new_id()
    taken = select(model.id).where(
        model.id == chosen, _any_branch(model, "a key is unique in the enterprise")
    )
    if await work.fetch_value(taken) is not None:
        raise IdTaken(chosen)
    return chosen


async def placed(work: UnitOfWork, resource: str, values: Values) -> Values:
    """Values of a new record with its owner and branch."""
    owner = values.pop("owner_id", None) or caller_id()
    found = await Placer(resource, work).place(owner, values.pop("branch_id", None))
    return values | place_values(found)


async def patched(work: UnitOfWork, resource: str, entity: Any, values: Values) -> Values:
    """Values of a change: `custom` merged, and a new owner or branch checked."""
    if "owner_id" in values or "branch_id" in values:
        owner = values.get("owner_id", entity.owner_id)
        branch = values.get("branch_id", entity.branch_id)
        values |= place_values(await Placer(resource, work).place(owner, branch, "update"))
    return merge_custom(values, getattr(entity, "custom", {}))


def place_values(place: Place) -> Values:
    return {"owner_id": place.owner_id, "branch_id": place.branch_id, "branch_path": place.branch_path}


async def load(work: UnitOfWork, model: type[E], key: Any, etag: str = "") -> E:
    """The record, locked for the transaction, if the caller may change it."""
    table: Any = model
    scoped = table.__table__ in scope_rules()
    found: E = await _load(work, model, key, etag, visible(model) if scoped else true())
    return found


async def load_any(work: UnitOfWork, model: type[E], key: Any, reason: str) -> E:
    """The record, locked for the transaction, whoever it belongs to: for background work."""
    found: E = await _load(work, model, key, "", _any_branch(model, reason))
    return found


async def _load(work: UnitOfWork, model: Any, key: Any, etag: str, scope: Any) -> Any:
    identity = uuid.UUID(str(key))
    statement = select(model).where(model.id == identity, scope).with_for_update(of=model.__table__)
    found = await work.scalar(statement)
    if found is None:
        raise NotFound(model.aggregate_type, key)
    check_etag(etag, found.version)
    return found


def _any_branch(model: Any, reason: str) -> Any:
    return unscoped(model, reason) if model.__table__ in scope_rules() else true()


async def discard(work: UnitOfWork, entity: Any) -> None:
    """Delete for good. Its last event is written first: a deleted object is not among the changed ones."""
    await work.flush()
    await (await work.session()).delete(entity)
