"""Use cases of saved views."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from taproot_base.errors import AlreadyExists, InvalidArgument
from taproot_base.ids import new_id
from taproot_gateway.saved_views import queries
from taproot_gateway.saved_views.model import BRANCH, MOST_VIEWS, PRIVATE, TEAM, TooManySavedViews, Viewer
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag


async def create_view(
    viewer: Viewer, key: uuid.UUID | None, collection: str, values: Mapping[str, Any], work: UnitOfWork
) -> uuid.UUID:
    """The caller holds the user's advisory lock."""
    if await queries.count_views(work, viewer) >= MOST_VIEWS:
        raise TooManySavedViews
    if key is not None and await queries.is_taken(work, key):
        raise AlreadyExists("the id is taken")
    now = work.clock.now()
    row = {
        **values,
        "id": key or new_id(),
        "owner_id": viewer.user_id,
        "collection": collection,
        "sharing": PRIVATE,
        "team_id": None,
        "branch_id": None,
        "version": 1,
        "create_time": now,
        "update_time": now,
    }
    await queries.add_view(work, row)
    made: uuid.UUID = row["id"]
    return made


async def update_view(
    viewer: Viewer, key: uuid.UUID, etag: str, values: dict[str, Any], work: UnitOfWork
) -> None:
    row = await queries.own_view(work, viewer, key)
    check_etag(etag, row["version"])
    if any(row[name] != value for name, value in values.items()):
        await queries.change_view(work, key, values)


async def delete_view(viewer: Viewer, key: uuid.UUID, etag: str, work: UnitOfWork) -> None:
    row = await queries.own_view(work, viewer, key)
    check_etag(etag, row["version"])
    await queries.delete_view(work, key)


async def share_view(
    viewer: Viewer, key: uuid.UUID, etag: str, sharing: str, team_id: uuid.UUID | None, work: UnitOfWork
) -> None:
    row = await queries.own_view(work, viewer, key)
    check_etag(etag, row["version"])
    team = _team(viewer, team_id) if sharing == TEAM else None
    if sharing == BRANCH and viewer.branch_id is None:
        raise InvalidArgument([("sharing", "you belong to no branch")])
    branch = viewer.branch_id if sharing == BRANCH else None
    await queries.change_view(work, key, {"sharing": sharing, "team_id": team, "branch_id": branch})


def _team(viewer: Viewer, asked: uuid.UUID | None) -> uuid.UUID:
    if asked is None and len(viewer.teams) == 1:
        return viewer.teams[0]
    if asked is None or asked not in viewer.teams:
        raise InvalidArgument([("team_id", "must be one of your teams")])
    return asked


async def mark_view(
    viewer: Viewer, key: uuid.UUID, starred: bool | None, chosen: bool | None, work: UnitOfWork
) -> None:
    row = await queries.get_view(work, viewer, key)
    star = row["starred"] if starred is None else starred
    choice = row["chosen"] if chosen is None else chosen
    await queries.put_mark(work, viewer, row, star, choice)
