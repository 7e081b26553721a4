"""Use cases of branches."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.errors import InvalidArgument, NotFound
from taproot_base.ids import new_id
from taproot_gateway.branches import queries
from taproot_gateway.branches.model import Branch, BranchCodeTaken
from taproot_gateway.teams.model import Team
from taproot_gateway.users.model import User
from taproot_storage.database import UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.moves import Move, begin, left_lately
from taproot_storage.updates import check_etag, merge_patch
from taproot_storage.visibility import require_placement, rule_of

TREE_LOCK = lock_key("identity", "tree")
"""Changes of the tree wait for each other: a path depends on every ancestor."""


@dataclass(frozen=True)
class CreateBranch:
    id: uuid.UUID | None
    parent_id: uuid.UUID
    values: Mapping[str, Any]


@dataclass(frozen=True)
class UpdateBranch:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class MoveBranch:
    id: uuid.UUID
    etag: str
    parent_id: uuid.UUID


async def create_branch(command: CreateBranch, work: UnitOfWork) -> Branch:
    """The caller holds TREE_LOCK."""
    parent = await _parent(work, command.parent_id, "branch.parent_id")
    branch = Branch.create(command.id or new_id(), parent, command.values, work.clock.now())
    require_placement("branches", branch.path)
    await _require_free(work, branch)
    await work.add(branch)
    return branch


async def update_branch(command: UpdateBranch, work: UnitOfWork) -> Branch:
    branch = await _load(work, command.id, command.etag)
    values = dict(command.values)
    if "custom" in values:
        values["custom"] = merge_patch(branch.custom, values["custom"])
    if values.get("display_name") == "":
        raise InvalidArgument([("branch.display_name", "must not be empty")])
    branch.change(values, work.clock.now())
    return branch


async def move_branch(command: MoveBranch, work: UnitOfWork) -> Branch:
    """The caller holds TREE_LOCK."""
    now = work.clock.now()
    branch = await _load(work, command.id, command.etag)
    parent = await _parent(work, command.parent_id, "parent_id")
    require_placement("branches", parent.path, "move")
    followers = await work.scalars(queries.below(branch.path))
    before, after = branch.move_below(parent, now)
    await _require_free(work, branch)
    for follower in followers:
        follower.follow(before, after, now)
    await work.flush()
    move = Move(branch.id, branch.version, before, after)
    await begin(move, [rule_of(User), rule_of(Team)], work)
    return branch


async def delete_branch(key: uuid.UUID, etag: str, work: UnitOfWork) -> Branch:
    branch = await _load(work, key, etag)
    branch.delete(in_use=await queries.is_in_use(work, key), now=work.clock.now())
    return branch


async def _parent(work: UnitOfWork, key: uuid.UUID, field: str) -> Branch:
    parent: Branch | None = await work.scalar(queries.parent(key))
    if parent is None:
        raise InvalidArgument([(field, "is not a branch")])
    return parent


async def _require_free(work: UnitOfWork, branch: Branch) -> None:
    if await work.scalar(queries.at(branch.path)) is not None:
        raise BranchCodeTaken
    if await left_lately(branch.path, work) not in {None, branch.id}:
        raise BranchCodeTaken


async def _load(work: UnitOfWork, key: uuid.UUID, etag: str) -> Branch:
    branch: Branch | None = await work.scalar(queries.for_change(key))
    if branch is None:
        raise NotFound("branch", key)
    check_etag(etag, branch.version)
    return branch
