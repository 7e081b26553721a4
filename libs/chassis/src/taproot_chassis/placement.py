"""Where a record belongs: its owner and branch, checked against what is known of identities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument
from taproot_chassis.identities import find_user
from taproot_storage.database import Reader
from taproot_storage.visibility import require_placement


@dataclass(frozen=True)
class Place:
    owner_id: UUID | None
    branch_id: UUID | None
    branch_path: str


class Placer:
    """Finds places for records of one resource; remembers users, for many records at once."""

    def __init__(self, resource: str, reader: Reader) -> None:
        self._resource = resource
        self._reader = reader
        self._users: dict[UUID, Any] = {}

    async def place(self, owner_id: UUID | None, branch_id: UUID | None, verb: str = "create") -> Place:
        """The branch defaults to the owner's, then to the caller's.

        Raises InvalidArgument for what does not exist, PermissionDenied for what the caller does not reach.
        """
        # The caller's own branch is in the token, which is newer than the projection.
        user = await self._user(owner_id) if owner_id and owner_id != caller_id() else None
        home = branch_id or (user["branch_id"] if user else None) or caller_branch()
        path = branch_path(home)
        require_placement(self._resource, path, verb)
        return Place(owner_id, home, path)

    async def _user(self, user_id: UUID) -> Any:
        if user_id not in self._users:
            self._users[user_id] = await find_user(self._reader, user_id)
        user = self._users[user_id]
        if user is None:
            raise InvalidArgument([("owner_id", "is not an active user")])
        return user


def caller_id() -> UUID | None:
    """The user who calls; None for services."""
    principal = current_call().principal
    return UUID(principal.subject) if principal.kind == "user" else None


def caller_branch() -> UUID | None:
    branch = current_call().principal.branch_id
    return UUID(branch) if branch else None


def branch_path(branch_id: UUID | None) -> str:
    """Path of a branch; empty for a record of no branch."""
    if branch_id is None:
        return ""
    branch = current_call().directory.branches.get(str(branch_id))
    if branch is None:
        raise InvalidArgument([("branch_id", "is not a branch")])
    return branch.path


def still_sees(record: Any, permission: str) -> bool:
    """Whether the caller reaches a record in hand, after its owner or branch changed."""
    call = current_call()
    reach = call.directory.reach(call.principal, permission)
    if reach is None:
        return False
    mine = str(record.owner_id) == reach.owner_id
    team = str(getattr(record, "team_id", None)) in reach.team_ids
    return mine or team or reach.covers_path(record.branch_path)
