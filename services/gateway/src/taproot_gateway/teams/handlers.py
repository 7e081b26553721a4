"""Use cases of teams."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.errors import InvalidArgument, NotFound
from taproot_base.ids import new_id
from taproot_chassis.placement import caller_branch
from taproot_gateway.places import require_branch
from taproot_gateway.teams import queries
from taproot_gateway.teams.model import Team
from taproot_gateway.users.queries import count_in_team, known_users
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag


@dataclass(frozen=True)
class CreateTeam:
    id: uuid.UUID | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class UpdateTeam:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


async def create_team(command: CreateTeam, work: UnitOfWork) -> Team:
    values = dict(command.values)
    values["branch_id"] = values.get("branch_id") or caller_branch()
    values["branch_path"] = await require_branch(
        work, values["branch_id"], "teams", "create", "team.branch_id"
    )
    await _require_leader(work, values)
    team = Team.create(command.id or new_id(), values, work.clock.now())
    await work.add(team)
    return team


async def update_team(command: UpdateTeam, work: UnitOfWork) -> Team:
    team = await _load(work, command.id, command.etag)
    values = dict(command.values)
    if values.get("display_name") == "":
        raise InvalidArgument([("team.display_name", "must not be empty")])
    if "branch_id" in values:
        values["branch_path"] = await require_branch(
            work, values["branch_id"], "teams", "update", "team.branch_id"
        )
    await _require_leader(work, values)
    team.change(values, work.clock.now())
    return team


async def delete_team(key: uuid.UUID, etag: str, work: UnitOfWork) -> Team:
    team = await _load(work, key, etag)
    team.delete(await count_in_team(work, key), work.clock.now())
    return team


async def _require_leader(work: UnitOfWork, values: Mapping[str, Any]) -> None:
    leader = values.get("leader_id")
    if leader is not None and leader not in await known_users(work, [leader]):
        raise InvalidArgument([("team.leader_id", "is not a user")])


async def _load(work: UnitOfWork, key: uuid.UUID, etag: str) -> Team:
    team: Team | None = await work.scalar(queries.for_change(key))
    if team is None:
        raise NotFound("team", key)
    check_etag(etag, team.version)
    return team
