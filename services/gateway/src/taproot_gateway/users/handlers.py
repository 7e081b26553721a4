"""Use cases of users."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.errors import InvalidArgument, NotFound
from taproot_base.ids import new_id
from taproot_chassis.placement import caller_branch, still_sees
from taproot_gateway.mails.queue import PASSWORD_CHANGED, drop_tokens, queue_mail
from taproot_gateway.oidc.queries import drop_links
from taproot_gateway.places import require_branch, require_branches
from taproot_gateway.revocations import announce
from taproot_gateway.rights import require_covered
from taproot_gateway.roles.queries import find_roles
from taproot_gateway.second_factors.queries import remove_factor
from taproot_gateway.sessions import attempts, store
from taproot_gateway.teams.queries import known_teams
from taproot_gateway.users import queries
from taproot_gateway.users.model import LastAdministrator, User, UserNameTaken, name_key
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.updates import check_etag, merge_patch


@dataclass(frozen=True)
class CreateUser:
    id: uuid.UUID | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class UpdateUser:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class AssignUser:
    """`values`: any of branch_id, other_branch_ids, team_ids, role_ids."""

    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


async def create_user(command: CreateUser, work: UnitOfWork) -> User:
    """The caller holds the advisory lock of the name."""
    values = dict(command.values)
    values["branch_id"] = values.get("branch_id") or caller_branch()
    values["branch_path"] = await require_branch(
        work, values["branch_id"], "users", "create", "user.branch_id"
    )
    await _check_others(work, values, "create", "user.")
    await _require_roles(work, values.get("role_ids", ()), "user.role_ids")
    await _require_free(work, values["user_name"], None)
    values["kind"] = values.get("kind") or "staff"
    user = User.create(command.id or new_id(), values, work.clock.now())
    await work.add(user)
    return user


async def update_user(command: UpdateUser, work: UnitOfWork) -> User:
    """The caller holds the advisory lock of a new name."""
    user = await _load(work, command.id, command.etag)
    values = dict(command.values)
    if "user_name" in values:
        if not values["user_name"]:
            raise InvalidArgument([("user.user_name", "must not be empty")])
        await _require_free(work, values["user_name"], user.id)
    if "custom" in values:
        values["custom"] = merge_patch(user.custom, values["custom"])
    await _check_others(work, values, "update", "user.")
    user.change(values, work.clock.now())
    return user


async def assign_user(command: AssignUser, work: UnitOfWork) -> tuple[User, bool]:
    """The user, and whether the caller still sees the record."""
    user = await _load(work, command.id, command.etag)
    values = dict(command.values)
    if "branch_id" in values:
        path = await require_branch(work, values["branch_id"], "users", "assign", "branch_id")
        values["branch_path"] = path
    await _check_others(work, values, "assign", "")
    if "role_ids" in values:
        added = [key for key in values["role_ids"] if key not in user.role_ids]
        await _require_roles(work, added, "role_ids")
        await require_role_holder(work, [key for key in user.role_ids if key not in values["role_ids"]])
    user.assign(values, work.clock.now())
    await announce(work, user.id)
    await work.flush()
    if "role_ids" in values:
        await _require_administrator(work)
    return user, still_sees(_Owned(user.id, user.branch_path), "users.read")


async def disable_user(key: uuid.UUID, etag: str, work: UnitOfWork) -> User:
    user = await _load(work, key, etag)
    await require_role_holder(work, user.role_ids)
    user.disable(work.clock.now())
    await _end(work, user)
    return user


async def enable_user(key: uuid.UUID, etag: str, work: UnitOfWork) -> User:
    user = await _load(work, key, etag)
    await require_role_holder(work, user.role_ids)
    user.enable(work.clock.now())
    return user


async def delete_user(key: uuid.UUID, etag: str, work: UnitOfWork) -> User:
    user = await _load(work, key, etag)
    await require_role_holder(work, user.role_ids)
    user.delete(work.clock.now())
    await _end(work, user)
    await store.drop_password(work, user.id)
    await remove_factor(work, user.id)
    await drop_links(work, user.id)
    return user


async def set_password(key: uuid.UUID, password_hash: str, *, must_change: bool, work: UnitOfWork) -> None:
    user = await _load(work, key, "")
    await require_role_holder(work, user.role_ids)
    await store.put_password(work, key, password_hash, must_change=must_change)
    await store.end_sessions(work, key)
    await drop_tokens(work, key)
    await queue_mail(work, PASSWORD_CHANGED, user_id=key)
    await attempts.forget_name(work, user.user_name)


async def unlock_user(key: uuid.UUID, work: UnitOfWork) -> User:
    user = await _load(work, key, "")
    await attempts.forget_name(work, user.user_name)
    return user


async def revoke_sessions(key: uuid.UUID, work: UnitOfWork) -> None:
    user = await _load(work, key, "")
    await store.end_sessions(work, user.id)


async def reset_second_factor(key: uuid.UUID, work: UnitOfWork) -> User:
    user = await _load(work, key, "")
    await require_role_holder(work, user.role_ids)
    await remove_factor(work, user.id)
    await store.end_sessions(work, user.id)
    return user


async def require_role_holder(reader: Reader, role_ids: Iterable[uuid.UUID]) -> None:
    """A caller acts on users who may do no more than the caller, and takes only such roles away."""
    for role in await find_roles(reader, list(role_ids)):
        require_covered(role["grants"])


async def _end(work: UnitOfWork, user: User) -> None:
    await work.flush()
    await _require_administrator(work)
    await store.end_sessions(work, user.id)
    await store.end_keys(work, user.id)
    await drop_tokens(work, user.id)


async def _require_administrator(work: UnitOfWork) -> None:
    """Asked after the change is flushed: somebody must be left who may do everything."""
    if not await queries.other_administrators(work, uuid.UUID(int=0)):
        raise LastAdministrator


async def _require_roles(work: UnitOfWork, keys: Iterable[uuid.UUID], field: str) -> None:
    wanted = list(keys)
    found = {role["id"]: role for role in await find_roles(work, wanted)}
    missing = [key for key in wanted if key not in found]
    if missing:
        raise InvalidArgument((field, f"{key} is not a role") for key in missing)
    for role in found.values():
        require_covered(role["grants"])


async def _check_others(work: UnitOfWork, values: Mapping[str, Any], verb: str, prefix: str) -> None:
    """Further branches, teams and the manager exist."""
    others = values.get("other_branch_ids") or ()
    await require_branches(work, others, "users", verb, f"{prefix}other_branch_ids")
    teams = list(values.get("team_ids") or ())
    unknown = set(teams) - await known_teams(work, teams)
    if unknown:
        raise InvalidArgument((f"{prefix}team_ids", f"{key} is not a team") for key in unknown)
    manager = values.get("manager_id")
    if manager is not None and manager not in await queries.known_users(work, [manager]):
        raise InvalidArgument([(f"{prefix}manager_id", "is not a user")])


async def _require_free(work: UnitOfWork, user_name: str, own: uuid.UUID | None) -> None:
    found = await queries.find_by_name(work, name_key(user_name))
    if found is not None and found["id"] != own:
        raise UserNameTaken


@dataclass(frozen=True)
class _Owned:
    """A user's record belongs to the user."""

    owner_id: uuid.UUID
    branch_path: str


async def _load(work: UnitOfWork, key: uuid.UUID, etag: str) -> User:
    user: User | None = await work.scalar(queries.for_change(key))
    if user is None:
        raise NotFound("user", key)
    check_etag(etag, user.version)
    return user
