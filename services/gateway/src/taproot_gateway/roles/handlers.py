"""Use cases of roles."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.errors import InvalidArgument, NotFound
from taproot_base.ids import new_id
from taproot_gateway.revocations import announce
from taproot_gateway.rights import require_covered
from taproot_gateway.roles import queries
from taproot_gateway.roles.model import Role, RoleCodeTaken
from taproot_gateway.users.queries import count_with_role
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag


@dataclass(frozen=True)
class CreateRole:
    id: uuid.UUID | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class UpdateRole:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


async def create_role(command: CreateRole, work: UnitOfWork) -> Role:
    """The caller holds the advisory lock of the code."""
    require_covered(command.values.get("grants", ()))
    if await work.scalar(queries.by_code(command.values["code"])) is not None:
        raise RoleCodeTaken("another role has this code")
    role = Role.create(command.id or new_id(), command.values, work.clock.now())
    await work.add(role)
    return role


async def update_role(command: UpdateRole, work: UnitOfWork) -> Role:
    """A caller who lacks part of what the role grants may not change it, not even to grant less."""
    role = await _load(work, command.id, command.etag)
    require_covered(role.grants)
    require_covered(command.values.get("grants", ()))
    if command.values.get("display_name") == "":
        raise InvalidArgument([("role.display_name", "must not be empty")])
    role.change(command.values, work.clock.now())
    await announce(work, None)
    return role


async def delete_role(key: uuid.UUID, etag: str, work: UnitOfWork) -> Role:
    role = await _load(work, key, etag)
    role.delete(await count_with_role(work, key), work.clock.now())
    return role


async def _load(work: UnitOfWork, key: uuid.UUID, etag: str) -> Role:
    role: Role | None = await work.scalar(queries.for_change(key))
    if role is None:
        raise NotFound("role", key)
    check_etag(etag, role.version)
    return role
