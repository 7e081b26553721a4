"""SQL of saved views. Every statement says for whom."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import (
    ARRAY,
    Select,
    Uuid,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.elements import ColumnElement

from taproot.identity.v1 import saved_view_pb2 as pb
from taproot_base.errors import NotFound
from taproot_gateway.saved_views.model import ALL, BRANCH, TEAM, Viewer, saved_view_marks, saved_views
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

_c, _m = saved_views.c, saved_view_marks.c


def _mark(column: Any) -> ColumnElement[bool]:
    return func.coalesce(column, False)


_starred, _chosen = _mark(_m.starred), _mark(_m.chosen)
RESOURCE = Resource(
    "saved_view",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("display_name", _c.display_name, FieldType.TEXT, sort_column=_c.sort_key),
        Field("collection", _c.collection, FieldType.TEXT),
        Field("sharing", _c.sharing, FieldType.ENUM, enum=pb.SavedViewSharing),
        Field("owner_id", _c.owner_id, FieldType.ID, sortable=False),
        Field("starred", _starred, FieldType.BOOLEAN, sortable=False, nullable=False),
        Field("chosen", _chosen, FieldType.BOOLEAN, sortable=False, nullable=False),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
    ],
    default_order="display_name",
    id_column=_c.id,
)


def shown_to(viewer: Viewer) -> Select[Any]:
    """Their own and those shared with them, with their own marks."""
    me = literal(viewer.user_id, Uuid())
    teams, branch = literal(list(viewer.teams), ARRAY(Uuid())), literal(viewer.branch_id, Uuid())
    return (
        select(saved_views, _starred.label("starred"), _chosen.label("chosen"))
        .select_from(saved_views.outerjoin(saved_view_marks, and_(_m.view_id == _c.id, _m.user_id == me)))
        .where(
            or_(
                _c.owner_id == me,
                _c.sharing == ALL,
                and_(_c.sharing == TEAM, _c.team_id == func.any(teams)),
                and_(_c.sharing == BRANCH, _c.branch_id == branch),
            )
        )
    )


_owned = (_c.id == bindparam("key"), _c.owner_id == bindparam("owner"))
_lock = Statement(lambda: select(saved_views).where(*_owned).with_for_update())
_count = Statement(
    lambda: select(func.count()).select_from(saved_views).where(_c.owner_id == bindparam("owner"))
)
_taken = Statement(lambda: select(exists(select(_c.id).where(_c.id == bindparam("key")))))
_add = Statement(
    lambda: insert(saved_views).values({column.name: bindparam(column.name) for column in saved_views.c})
)
_delete = Statement(lambda: delete(saved_views).where(_c.id == bindparam("key")))
_unmark = Statement(lambda: delete(saved_view_marks).where(_m.view_id == bindparam("key")))
_unchoose = Statement(
    lambda: (
        update(saved_view_marks)
        .where(_m.user_id == bindparam("me"), _m.collection == bindparam("list"), _m.chosen)
        .values(chosen=False)
    )
)


async def get_view(reader: Reader, viewer: Viewer, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(shown_to(viewer).where(_c.id == key))
    if row is None:
        raise NotFound("saved view", key)
    return row


async def own_view(work: UnitOfWork, viewer: Viewer, key: uuid.UUID) -> Any:
    """Locked. What is shared with somebody is not theirs to change."""
    row = await work.fetch_row(_lock, key=key, owner=viewer.user_id)
    if row is None:
        raise NotFound("saved view", key)
    return row


async def count_views(reader: Reader, viewer: Viewer) -> int:
    return int(await reader.fetch_value(_count, owner=viewer.user_id))


async def is_taken(reader: Reader, key: uuid.UUID) -> bool:
    return bool(await reader.fetch_value(_taken, key=key))


async def add_view(work: UnitOfWork, row: dict[str, Any]) -> None:
    await work.execute(_add, **row)


async def change_view(work: UnitOfWork, key: uuid.UUID, values: dict[str, Any]) -> None:
    await work.execute(
        update(saved_views)
        .where(_c.id == key)
        .values(**values, version=_c.version + 1, update_time=work.clock.now())
    )


async def delete_view(work: UnitOfWork, key: uuid.UUID) -> None:
    await work.execute(_unmark, key=key)
    await work.execute(_delete, key=key)


async def put_mark(work: UnitOfWork, viewer: Viewer, row: Any, starred: bool, chosen: bool) -> None:
    if chosen:
        await work.execute(_unchoose, me=viewer.user_id, list=row["collection"])
    values = {"starred": starred, "chosen": chosen}
    keys = {"user_id": viewer.user_id, "view_id": row["id"], "collection": row["collection"]}
    added = upsert(saved_view_marks).values(**keys, **values)
    await work.execute(added.on_conflict_do_update(index_elements=["user_id", "view_id"], set_=values))
