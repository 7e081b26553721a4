"""Reads of branches."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, array

from taproot_base.access import subtree_end
from taproot_base.errors import NotFound
from taproot_gateway.branches.model import Branch
from taproot_gateway.teams.model import Team
from taproot_gateway.users.model import User
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c = Branch.__table__.c

RESOURCE = Resource(
    "branch",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("code", _c.code, FieldType.TEXT),
        Field("display_name", _c.display_name, FieldType.TEXT, sort_column=_c.sort_key),
        Field("parent_id", _c.parent_id, FieldType.ID, sortable=False),
        Field("path", _c.path, FieldType.TEXT),
        Field("time_zone", _c.time_zone, FieldType.TEXT),
        Field("country_code", _c.country_code, FieldType.TEXT),
        Field("currency_code", _c.currency_code, FieldType.TEXT),
        Field("regions", _c.regions, FieldType.TEXT, repeated=True),
        Field("manager_id", _c.manager_id, FieldType.ID, sortable=False),
        Field("closed", _c.closed, FieldType.BOOLEAN),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="path",
    id_column=_c.id,
)

_get = Statement(
    lambda: select(Branch.__table__).where(
        _c.id == bindparam("key"), _c.delete_time.is_(None), visible(Branch)
    )
)
_of_ids = Statement(
    lambda: select(Branch.__table__).where(
        _c.id == func.any(bindparam("keys", type_=ARRAY(Uuid))),
        _c.delete_time.is_(None),
        unscoped(Branch, "the tree is needed to judge a placement, whatever the caller sees"),
    )
)
_u, _t = User.__table__.c, Team.__table__.c
_why = "whether a branch is in use does not depend on who asks"
_in_use = Statement(
    lambda: select(
        or_(
            exists().where(
                _c.parent_id == bindparam("key"), _c.delete_time.is_(None), unscoped(Branch, _why)
            ),
            exists().where(
                or_(
                    _u.branch_id == bindparam("key"),
                    _u.other_branch_ids.contains(array([bindparam("key", type_=Uuid)])),
                ),
                _u.delete_time.is_(None),
                unscoped(User, _why),
            ),
            exists().where(_t.branch_id == bindparam("key"), _t.delete_time.is_(None), unscoped(Team, _why)),
        )
    )
)


def listed() -> Select[Any]:
    return select(Branch.__table__).where(_c.delete_time.is_(None))


def for_change(key: uuid.UUID) -> Select[Any]:
    return (
        select(Branch)
        .where(Branch.id == key, Branch.delete_time.is_(None), visible(Branch))
        .with_for_update()
    )


def parent(key: uuid.UUID) -> Select[Any]:
    """The branch to hang another one under; locked, so that it does not move meanwhile."""
    return for_change(key)


def below(path: str) -> Select[Any]:
    return (
        select(Branch)
        .where(
            Branch.path > path,
            Branch.path < subtree_end(path),
            Branch.delete_time.is_(None),
            unscoped(Branch, "a move takes everything below along"),
        )
        .with_for_update()
    )


def at(path: str) -> Select[Any]:
    return select(Branch).where(
        Branch.path == path, Branch.delete_time.is_(None), unscoped(Branch, "paths are unique")
    )


async def get_branch(reader: Reader, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, key=key)
    if row is None:
        raise NotFound("branch", key)
    return row


async def find_branches(reader: Reader, keys: list[uuid.UUID]) -> list[Any]:
    """Rows of the living ones among the keys."""
    return await reader.fetch(_of_ids, keys=keys)


async def is_in_use(reader: Reader, key: uuid.UUID) -> bool:
    """Has branches below it, users or teams."""
    return bool(await reader.fetch_value(_in_use, key=key))
