"""An event as the owner of an endpoint may see it now, as the body to send."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from taproot_base.access import AccessDirectory
from taproot_base.auth import Principal, RoleRef
from taproot_base.masking import mask
from taproot_chassis.events import Event
from taproot_gateway.branches.queries import find_branches
from taproot_gateway.events.catalog import Catalog
from taproot_gateway.events.notices import Notice, may_see
from taproot_gateway.roles.queries import find_roles
from taproot_gateway.transcoding.output import Encoders
from taproot_gateway.users.model import ACTIVE, PORTAL, User
from taproot_gateway.webhooks import filters
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

_u = User.__table__.c
_owner = Statement(
    lambda: select(User.__table__).where(
        _u.id == bindparam("key"),
        _u.state == ACTIVE,
        _u.kind != PORTAL,
        _u.delete_time.is_(None),
        unscoped(User, "events are sent in this user's name"),
    )
)


async def owner_of(reader: Reader, key: uuid.UUID) -> Principal | None:
    """The owner with the rights of today; None when the user can no longer sign in."""
    row = await reader.fetch_row(_owner, key=key)
    if row is None:
        return None
    roles = await find_roles(reader, row["role_ids"])
    keys = [row["branch_id"], *row["other_branch_ids"]]
    paths = {branch["id"]: branch["path"] for branch in await find_branches(reader, keys)}
    return Principal(
        subject=str(key),
        kind="user",
        roles=tuple(RoleRef(str(role["id"]), role["version"]) for role in roles),
        branch_id=str(row["branch_id"]),
        branch_path=paths.get(row["branch_id"]),
        other_paths=tuple(paths[key] for key in row["other_branch_ids"] if key in paths),
        teams=tuple(str(team) for team in row["team_ids"]),
    )


@dataclass(frozen=True)
class Renderer:
    catalog: Catalog
    directory: AccessDirectory
    encoders: Encoders

    def body(self, row: Any, owner: Principal, filter_text: str, now: Any) -> bytes | None:
        """None when it is not to be sent. Raises Unavailable while the owner's role has not reached this process."""
        notice = Notice.of(_event(row), self.catalog)
        if notice is None or not may_see(notice, owner, self.directory):
            return None
        kind = notice.kind
        message: Any = kind.message.FromString(row["payload"])
        mask(message, self.directory.masked(owner), self.directory.custom)
        data = self.encoders.encoder(message.DESCRIPTOR)(message)
        if not filters.holds(filter_text, row, kind.collection, data.get(kind.field, {}), now):
            return None
        return orjson.dumps(
            {"type": row["event_type"], "timestamp": row["occur_time"].isoformat(), "data": data}
        )


def _event(row: Any) -> Event:
    return Event(
        id=row["event_id"],
        source=row["source"],
        type=row["event_type"],
        aggregate_id=row["resource_id"],
        version=row["version"],
        occurred_at=row["occur_time"],
        actor=row["actor"],
        party_id=row["party_id"],
        branch_path=row["branch_path"],
        owner_id=row["owner_id"],
        traceparent=row["traceparent"],
        payload=row["payload"],
    )
