"""Reads of teams."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_base.errors import NotFound
from taproot_gateway.teams.model import Team
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c = Team.__table__.c

RESOURCE = Resource(
    "team",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("display_name", _c.display_name, FieldType.TEXT, sort_column=_c.sort_key),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
        Field("leader_id", _c.leader_id, FieldType.ID, sortable=False),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
    ],
    default_order="display_name",
    id_column=_c.id,
)

_get = Statement(
    lambda: select(Team.__table__).where(_c.id == bindparam("key"), _c.delete_time.is_(None), visible(Team))
)
_known = Statement(
    lambda: select(_c.id).where(
        _c.id == func.any(bindparam("keys", type_=ARRAY(Uuid))),
        _c.delete_time.is_(None),
        unscoped(Team, "only whether the teams exist"),
    )
)


def listed() -> Select[Any]:
    return select(Team.__table__).where(_c.delete_time.is_(None))


def for_change(key: uuid.UUID) -> Select[Any]:
    return select(Team).where(Team.id == key, Team.delete_time.is_(None), visible(Team)).with_for_update()


async def get_team(reader: Reader, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, key=key)
    if row is None:
        raise NotFound("team", key)
    return row


async def known_teams(reader: Reader, keys: list[uuid.UUID]) -> set[uuid.UUID]:
    return {row["id"] for row in await reader.fetch(_known, keys=keys)}
