"""How a resource is changed: what a caller gives, and how a record is loaded for it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Select, and_, exists, not_, select, true
from sqlalchemy.sql.elements import ColumnElement

from taproot_base import wire
from taproot_base.errors import AlreadyExists, NotFound
from taproot_base.ids import new_id
from taproot_chassis.placement import Place, Placer, branch_path, caller_id
from taproot_records.checks import Checks
from taproot_records.mapping import Values, values_of
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import ADDRESSING, changed_fields, check_etag, merge_patch, require_custom
from taproot_storage.visibility import is_scoped, unscoped, visible

E = TypeVar("E")


class IdTaken(AlreadyExists):
    reason = "ID_TAKEN"

    def __init__(self, key: uuid.UUID | None = None) -> None:
        super().__init__("there is a record with this id", **({"id": str(key)} if key else {}))


def given(message: Message, model: Any) -> Values:
    """What a create request has set, as stored; the rest gets the defaults of the columns."""
    names = [field.name for field, _ in message.ListFields() if field.name not in ADDRESSING]
    checks, values = Checks(), Values()
    with checks:
        values = values_of(message, names, model)
    if "custom" in message.DESCRIPTOR.fields_by_name:
        with checks:
            require_custom(getattr(message, "custom"), f"{model.aggregate_type}.custom")  # noqa: B009  # of any message
    checks.done()
    return values | {"custom": merge_patch({}, values["custom"])} if "custom" in values else values


def changes(message: Message, mask: Any, model: Any, by_verb: Mapping[str, str] | None = None) -> Values:
    """What an update changes, as stored. `by_verb`: fields only a verb changes -> its name."""
    return values_of(message, changed_fields(message, mask, by_verb=by_verb), model)


def patched(entity: Any, values: Values) -> Values:
    """`custom` changes as a merge patch on what is stored."""
    return values | {"custom": merge_patch(entity.custom, values["custom"])} if "custom" in values else values


async def new_key(work: UnitOfWork, model: Any, chosen: str) -> uuid.UUID:
    """The key the client chose, if it is free, or a new one."""
    key = wire.optional_uuid(chosen)
    if key is None:
        return new_id()
    free = _any_branch(model, "a key is free or not in all branches")
    if await work.fetch_value(select(exists().where(model.__table__.c.id == key, free))):
        raise IdTaken(key)
    return key


async def placed(work: UnitOfWork, resource: str, values: Values) -> Values:
    """Values of a new record with owner and branch; the caller's own where none is given."""
    return values | asdict(
        await _place(work, resource, values.get("owner_id") or caller_id(), values.get("branch_id"), "create")
    )


async def moved(work: UnitOfWork, resource: str, entity: Any, values: Values) -> Values:
    """Values of a change; a new owner or branch is checked."""
    if "owner_id" not in values and "branch_id" not in values:
        return values
    owner, branch = values.get("owner_id", entity.owner_id), values.get("branch_id", entity.branch_id)
    return values | asdict(await _place(work, resource, owner, branch, "update"))


async def _place(work: UnitOfWork, resource: str, owner: Any, branch: Any, verb: str) -> Place:
    checks, place = Checks(), None
    with checks:
        place = await Placer(resource, work).place(owner, branch, verb)
    if place is None:  # it says one fault; there may be one of the other
        with checks:
            branch_path(branch)
    checks.done()
    assert place is not None
    return place


async def load(
    work: UnitOfWork,
    model: type[E],
    key: Any,
    etag: str = "",
    *,
    deleted: bool | None = None,
    options: Sequence[Any] = (),
) -> E:
    """The record to change, as far as the caller sees it, locked to the end of the transaction.

    `deleted`: False leaves out the recycle bin, True everything but it. `options`: what is loaded along.
    """
    scope: ColumnElement[bool] = visible(model) if is_scoped(model) else true()
    if deleted is not None:
        binned = model.__table__.c.delete_time.is_not(None)  # type: ignore[attr-defined]  # a mapped class
        scope = and_(scope, binned if deleted else not_(binned))
    found: Any = await _locked(work, model, key, scope, options)
    check_etag(etag, found.version)
    return found  # type: ignore[no-any-return]  # of the model asked for


async def load_any(work: UnitOfWork, model: type[E], key: Any, reason: str) -> E:
    """The record whoever may see it, locked; for what the service does itself."""
    return await _locked(work, model, key, _any_branch(model, reason))  # type: ignore[no-any-return]  # as above


async def find_any(work: UnitOfWork, model: type[E], key: Any, reason: str) -> E | None:
    """As `load_any`, but None when it is gone, and as it is once locked: changes not yet written are lost."""
    statement = _by_key(model, key, _any_branch(model, reason)).execution_options(populate_existing=True)
    return await work.scalar(statement)  # type: ignore[no-any-return]  # of the model asked for


async def _locked(
    work: UnitOfWork, model: Any, key: Any, scope: ColumnElement[bool], options: Sequence[Any] = ()
) -> Any:
    found = await work.scalar(_by_key(model, key, scope).options(*options))
    if found is None:
        raise NotFound(model.aggregate_type, key)
    return found


def _by_key(model: Any, key: Any, scope: ColumnElement[bool]) -> Select[Any]:
    return select(model).where(model.id == uuid.UUID(str(key)), scope).with_for_update(of=model.__table__)


def _any_branch(model: Any, reason: str) -> ColumnElement[bool]:
    return unscoped(model, reason) if is_scoped(model) else true()


async def discard(work: UnitOfWork, entity: Any) -> None:
    """Delete for good. The record's last event is written first: a deleted object is not dirty any more."""
    await work.flush()
    await (await work.session()).delete(entity)
