"""How every resource of this service is changed: what a caller gives, and how a record is loaded for it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy import exists, select, true

from taproot_chassis import wire
from taproot_chassis.database import UnitOfWork
from taproot_chassis.errors import AlreadyExists, InvalidArgument, NotFound
from taproot_chassis.ids import new_id
from taproot_chassis.placement import Placer, caller_id
from taproot_chassis.updates import changed_fields, check_etag, merge_patch
from taproot_chassis.visibility import scope_rules, unscoped, visible
from taproot_servicedesk.mapping import Values, values_of

E = TypeVar("E")
ADDRESSING = frozenset({"id", "etag"})


class IdTaken(AlreadyExists):
    reason = "ID_TAKEN"

    def __init__(self, key: uuid.UUID) -> None:
        super().__init__("there is a record with this id", id=str(key))


def given(message: Message, model: Any) -> Values:
    """What a create request has set, as stored; the rest gets the defaults of the columns."""
    names = [field.name for field, _ in message.ListFields() if field.name not in ADDRESSING]
    values = values_of(message, names, model)
    return values | {"custom": merge_patch({}, values["custom"])} if "custom" in values else values


def changes(message: Message, mask: Any, model: Any, by_verb: Mapping[str, str] | None = None) -> Values:
    """What an update changes, as stored. `by_verb`: fields only a verb changes -> its name."""
    names = changed_fields(message, mask)
    wrong = [
        (f"update_mask.{n}", f"is changed by {(by_verb or {})[n]} only")
        for n in names
        if n in (by_verb or {})
    ]
    if wrong:
        raise InvalidArgument(wrong)
    return values_of(message, names, model)


def patched(entity: Any, values: Values) -> Values:
    """`custom` changes as a merge patch on what is stored."""
    return values | {"custom": merge_patch(entity.custom, values["custom"])} if "custom" in values else values


async def new_key(work: UnitOfWork, model: Any, chosen: str) -> uuid.UUID:
    """The key the client chose, if it is free, or a new one."""
    key = wire.optional_uuid(chosen)
    if key is None:
        return new_id()
    free = unscoped(model, "a key is free or not in all branches") if _scoped(model) else true()
    if await work.fetch_value(select(exists().where(model.__table__.c.id == key, free))):
        raise IdTaken(key)
    return key


async def placed(work: UnitOfWork, resource: str, values: Values) -> Values:
    """Values of a new record with owner and branch; the caller's own where none is given."""
    place = await Placer(resource, work).place(values.get("owner_id") or caller_id(), values.get("branch_id"))
    return values | {
        "owner_id": place.owner_id,
        "branch_id": place.branch_id,
        "branch_path": place.branch_path,
    }


async def moved(work: UnitOfWork, resource: str, entity: Any, values: Values) -> Values:
    """Values of a change; a new owner or branch is checked."""
    if "owner_id" not in values and "branch_id" not in values:
        return values
    owner = values.get("owner_id", entity.owner_id)
    place = await Placer(resource, work).place(owner, values.get("branch_id", entity.branch_id), "update")
    return values | {
        "owner_id": place.owner_id,
        "branch_id": place.branch_id,
        "branch_path": place.branch_path,
    }


def _scoped(model: Any) -> bool:
    return model.__table__ in scope_rules()


async def load(work: UnitOfWork, model: type[E], key: uuid.UUID | str, etag: str = "") -> E:
    """The record to change, as far as the caller sees it, locked to the end of the transaction."""
    table: Any = model
    statement = select(model).where(
        table.id == uuid.UUID(str(key)), visible(model) if _scoped(model) else true()
    )
    found = await work.scalar(statement.with_for_update(of=table.__table__))
    if found is None:
        raise NotFound(table.aggregate_type, key)
    check_etag(etag, found.version)
    return found  # type: ignore[no-any-return]  # of the model asked for


async def load_any(work: UnitOfWork, model: type[E], key: uuid.UUID, reason: str) -> E | None:
    """The record whoever may see it, locked and as it then is; for what the service does itself."""
    table: Any = model
    scope = unscoped(model, reason) if _scoped(model) else true()
    statement = select(model).where(table.id == key, scope).with_for_update(of=table.__table__)
    fresh = statement.execution_options(populate_existing=True)
    return await work.scalar(fresh)  # type: ignore[no-any-return]  # of the model asked for


async def discard(work: UnitOfWork, entity: Any) -> None:
    """Delete for good. The record's last event is written first: a deleted object is not dirty any more."""
    await work.flush()
    await (await work.session()).delete(entity)
