"""Projection of the gateway's identity events: who may do what is known here without asking anybody."""

from __future__ import annotations

import asyncio
import functools
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from taproot.identity.events.v1.branch_event_pb2 import BranchEvent
from taproot.identity.events.v1.role_event_pb2 import RoleEvent
from taproot.identity.events.v1.user_event_pb2 import UserEvent
from taproot.identity.v1.role_pb2 import DataScope
from taproot.identity.v1.user_pb2 import USER_STATE_ACTIVE
from taproot.options.v1.options_pb2 import Sensitivity
from taproot_base import telemetry
from taproot_base.access import AccessDirectory, Branch, Grant, Role, Scope
from taproot_base.auth import Principal
from taproot_chassis.consumers import SubscriberKind, Subscription
from taproot_chassis.projections import put_newer
from taproot_custom import store as custom
from taproot_storage import moves
from taproot_storage.schema import identity_branches, identity_roles, identity_users
from taproot_storage.statements import Statement
from taproot_storage.visibility import Rule

if TYPE_CHECKING:
    from taproot_chassis.events import Event
    from taproot_storage.database import Database, Reader, UnitOfWork

SOURCE = "identity"
REFRESH_SECONDS = 5.0


_put_role, _put_branch, _put_user = map(put_newer, (identity_roles, identity_branches, identity_users))
_roles = Statement(lambda: select(identity_roles).where(identity_roles.c.deleted.is_(False)))
_branches = Statement(lambda: select(identity_branches))
_user = Statement(lambda: select(identity_users).where(identity_users.c.id == bindparam("user_id")))


async def apply(event: Event, work: UnitOfWork, rules: Sequence[Rule] = ()) -> None:
    """Handler of the subscription `identities`. `rules`: the service's scoped tables."""
    if event.type == "branch.moved":
        moved = event.decode(BranchEvent)
        key = uuid.UUID(moved.branch.id)
        await moves.begin(moves.Move(key, event.version, moved.previous_path, moved.branch.path), rules, work)
    apply_one = {"role": _apply_role, "branch": _apply_branch, "user": _apply_user}.get(event.aggregate_type)
    if apply_one is not None:
        await apply_one(event, work)


async def _apply_role(event: Event, work: UnitOfWork) -> None:
    role = event.decode(RoleEvent).role
    grants = [
        [g.permission, DataScope.Name(g.scope).removeprefix("DATA_SCOPE_").lower()] for g in role.grants
    ]
    classes = [Sensitivity.Name(c).removeprefix("SENSITIVITY_").lower() for c in role.masked_classes]
    await work.execute(
        _put_role,
        id=role.id,
        version=event.version,
        grants=grants,
        masked=[*classes, *role.masked_fields],
        deleted=event.name == "deleted",
    )


async def _apply_branch(event: Event, work: UnitOfWork) -> None:
    branch = event.decode(BranchEvent).branch
    await work.execute(
        _put_branch,
        id=uuid.UUID(branch.id),
        version=event.version,
        path=branch.path,
        code=branch.code,
        display_name=branch.display_name,
        time_zone=branch.time_zone,
        regions=list(branch.regions),
        closed=branch.closed or event.name == "deleted",
    )


async def _apply_user(event: Event, work: UnitOfWork) -> None:
    user = event.decode(UserEvent).user
    await work.execute(
        _put_user,
        id=uuid.UUID(user.id),
        version=event.version,
        display_name=user.display_name,
        branch_id=uuid.UUID(user.branch_id) if user.branch_id else None,
        team_ids=[uuid.UUID(team) for team in user.team_ids],
        role_ids=[uuid.UUID(role) for role in user.role_ids],
        active=user.state == USER_STATE_ACTIVE and event.name != "deleted",
        email=user.email,
        language_code=user.language_code,
        time_zone=user.time_zone,
    )


def subscription(rules: Sequence[Rule]) -> Subscription:
    """`rules`: the service's scoped tables, whose rows follow when a branch moves."""
    return Subscription(
        name="identities",
        source=SOURCE,
        events=("role.*", "branch.*", "user.*"),
        handler=functools.partial(apply, rules=rules),
        kind=SubscriberKind.PROJECTION,
        tables=(identity_roles, identity_branches, identity_users),
    )


async def load(reader: Reader) -> tuple[list[Role], list[Branch]]:
    roles = [
        Role(
            row["id"],
            row["version"],
            tuple(Grant(permission, Scope(scope)) for permission, scope in row["grants"]),
            frozenset(row["masked"]),
        )
        for row in await reader.fetch(_roles)
    ]
    branches = [
        Branch(str(row["id"]), row["path"], row["time_zone"], tuple(row["regions"]))
        for row in await reader.fetch(_branches)
    ]
    return roles, branches


async def find_user(reader: Reader, user_id: uuid.UUID) -> Any:
    """Row of an active user of the enterprise, or None."""
    row = await reader.fetch_row(_user, user_id=user_id)
    return row if row is not None and row["active"] else None


class AccessStore:
    """Keeps the directory of this process as fresh as the projection in the database."""

    def __init__(self, database: Database, directory: AccessDirectory) -> None:
        self._database = database
        self._directory = directory
        self._loaded_at = 0.0
        self._guard = asyncio.Lock()

    async def refresh(self) -> None:
        async with self._database.reading() as reader:
            roles, branches = await load(reader)
            self._directory.custom = await custom.load(reader)
        self._directory.replace(roles, branches)
        self._loaded_at = time.monotonic()

    async def ensure(self, principal: Principal) -> None:
        """Before a call: read again when the caller has a role or branch this process has not seen."""
        if self._knows(principal):
            return
        async with self._guard:
            if not self._knows(principal):
                await self.refresh()

    def _knows(self, principal: Principal) -> bool:
        if principal.kind != "user":
            return self._loaded_at > 0
        if principal.branch_path and principal.branch_path not in self._directory.paths:
            return False
        known = self._directory.roles
        return all(r.id in known and known[r.id].version >= r.version for r in principal.roles)

    async def run(self) -> None:
        """Background: roles that lose a grant without the caller's token changing must be seen too."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:
                telemetry.logger.warning("access_refresh_failed", error=type(error).__name__)
