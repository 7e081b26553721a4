"""Reads of roles."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_base.errors import NotFound
from taproot_gateway.roles.model import Role
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c = Role.__table__.c

RESOURCE = Resource(
    "role",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("code", _c.code, FieldType.TEXT),
        Field("display_name", _c.display_name, FieldType.TEXT, sort_column=_c.sort_key),
        Field("second_factor_required", _c.second_factor_required, FieldType.BOOLEAN),
        Field("system", _c.system, FieldType.BOOLEAN),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
    ],
    default_order="display_name",
    id_column=_c.id,
)

_get = Statement(
    lambda: select(Role.__table__).where(_c.id == bindparam("key"), _c.delete_time.is_(None), visible(Role))
)
_of_ids = Statement(
    lambda: select(Role.__table__).where(
        _c.id == func.any(bindparam("keys", type_=ARRAY(Uuid))),
        _c.delete_time.is_(None),
        unscoped(Role, "what a user's roles are is asked for by whoever deals with the user"),
    )
)


def listed() -> Select[Any]:
    return select(Role.__table__).where(_c.delete_time.is_(None))


def for_change(key: uuid.UUID) -> Select[Any]:
    return select(Role).where(Role.id == key, Role.delete_time.is_(None), visible(Role)).with_for_update()


def by_code(code: str) -> Select[Any]:
    return select(Role).where(
        Role.code == code, Role.delete_time.is_(None), unscoped(Role, "codes are unique")
    )


async def get_role(reader: Reader, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, key=key)
    if row is None:
        raise NotFound("role", key)
    return row


async def find_roles(reader: Reader, keys: list[uuid.UUID]) -> list[Any]:
    """Rows of the living ones among the keys."""
    return await reader.fetch(_of_ids, keys=keys)
