"""Use cases of SCIM: the same verbs of users and teams as over the API, one transaction per request."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import NotFound
from taproot_gateway.roles.queries import by_code
from taproot_gateway.scim import queries, resources
from taproot_gateway.scim.errors import InvalidValue, VersionMismatch
from taproot_gateway.teams import handlers as teams
from taproot_gateway.teams.handlers import CreateTeam, UpdateTeam
from taproot_gateway.teams.model import Team
from taproot_gateway.teams.queries import for_change as team_for_change
from taproot_gateway.users import handlers as users
from taproot_gateway.users.handlers import AssignUser, CreateUser, UpdateUser
from taproot_gateway.users.model import ACTIVE, STAFF, User
from taproot_gateway.users.queries import for_change as user_for_change
from taproot_storage.database import UnitOfWork

Json = dict[str, Any]


async def create_user(body: Mapping[str, Any], work: UnitOfWork) -> User:
    values = resources.user_values(body)
    codes = resources.role_codes(body)
    if codes:
        values["role_ids"] = await _roles(codes, work)
    user = await users.create_user(CreateUser(None, values), work)
    await work.flush()
    if not resources.is_active(body):
        await users.disable_user(user.id, "", work)
    return user


async def replace_user(key: uuid.UUID, if_match: str, body: Mapping[str, Any], work: UnitOfWork) -> User:
    """Every attribute as the body says. Roles only where the body names them: they are given here too."""
    user = await staff_user(key, work)
    _check(if_match, f'W/"{user.version}"')
    await users.update_user(UpdateUser(key, "", resources.user_values(body)), work)
    codes = resources.role_codes(body)
    role_ids = await _roles(codes, work) if codes is not None else user.role_ids
    if set(role_ids) != set(user.role_ids):
        _require("users.assign")
        await users.assign_user(AssignUser(key, "", {"role_ids": role_ids}), work)
    active = resources.is_active(body)
    if active != (user.state == ACTIVE):
        await (users.enable_user if active else users.disable_user)(key, "", work)
    await work.flush()
    return user


async def delete_user(key: uuid.UUID, if_match: str, work: UnitOfWork) -> None:
    user = await staff_user(key, work)
    _check(if_match, f'W/"{user.version}"')
    await users.delete_user(key, "", work)


async def create_group(body: Mapping[str, Any], work: UnitOfWork) -> Team:
    values, members = resources.group_values(body)
    team = await teams.create_team(CreateTeam(None, values), work)
    await work.flush()
    await _set_members(team.id, members or set(), work)
    return team


async def replace_group(
    key: uuid.UUID, if_match: str, before: Json, body: Mapping[str, Any], work: UnitOfWork
) -> None:
    """`before`: the group as it stands, read in this transaction."""
    _check(if_match, before["meta"]["version"])
    values, members = resources.group_values(body)
    await teams.update_team(UpdateTeam(key, "", values), work)
    if members is not None:
        await _set_members(key, members, work)


async def delete_group(key: uuid.UUID, if_match: str, before: Json, work: UnitOfWork) -> None:
    _check(if_match, before["meta"]["version"])
    await _set_members(key, set(), work)
    await teams.delete_team(key, "", work)


async def staff_user(key: uuid.UUID, work: UnitOfWork) -> User:
    """Customers on the portal are no affair of the enterprise's directory."""
    user: User | None = await work.scalar(user_for_change(key))
    if user is None or user.kind != STAFF:
        raise NotFound("user", key)
    return user


async def locked_team(key: uuid.UUID, work: UnitOfWork) -> Team:
    team: Team | None = await work.scalar(team_for_change(key))
    if team is None:
        raise NotFound("team", key)
    return team


async def _set_members(key: uuid.UUID, wanted: set[uuid.UUID], work: UnitOfWork) -> None:
    held = {row["id"] for row in (await queries.members_of(work, [key]))[key]}
    if held == wanted:
        return
    _require("users.assign")
    for user_id in sorted(held ^ wanted):
        user = await staff_user(user_id, work) if user_id in held else await _member(user_id, work)
        others = [team for team in user.team_ids if team != key]
        team_ids = others if user_id in held else [*others, key]
        await users.assign_user(AssignUser(user_id, "", {"team_ids": team_ids}), work)
    await work.flush()


async def _member(key: uuid.UUID, work: UnitOfWork) -> User:
    try:
        return await staff_user(key, work)
    except NotFound:
        raise InvalidValue(f"{key} is not a user") from None


async def _roles(codes: Iterable[str], work: UnitOfWork) -> list[uuid.UUID]:
    found = {code: await work.scalar(by_code(code)) for code in dict.fromkeys(codes)}
    unknown = [code for code, role in found.items() if role is None]
    if unknown:
        raise InvalidValue(f"there is no role {', '.join(unknown)[:200]}")
    return [role.id for role in found.values()]


def _require(permission: str) -> None:
    call = current_call()
    call.directory.require(call.principal, permission)


def _check(if_match: str, version: str) -> None:
    """If-Match: any of the versions named, or `*`."""
    named = [one.strip().removeprefix("W/") for one in if_match.split(",") if one.strip()]
    if named and "*" not in named and version.removeprefix("W/") not in named:
        raise VersionMismatch
