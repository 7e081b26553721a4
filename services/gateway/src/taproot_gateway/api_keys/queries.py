"""SQL of API keys."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, delete, func, insert, select, update

from taproot.identity.v1 import api_key_pb2 as pb
from taproot_base.errors import NotFound
from taproot_gateway.api_keys.model import api_keys
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

_c = api_keys.c
RESOURCE = Resource(
    "api_key",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("display_name", _c.display_name, FieldType.TEXT),
        Field("prefix", _c.prefix, FieldType.TEXT),
        Field("scope", _c.scope, FieldType.ENUM, enum=pb.ApiKeyScope),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("expire_time", _c.expire_time, FieldType.INSTANT),
        Field("last_used_time", _c.last_used_time, FieldType.INSTANT),
    ],
    default_order="create_time desc",
    id_column=_c.id,
)

_user: BindParameter[Any] = bindparam("user_id")
_add = Statement(
    lambda: insert(api_keys).values({column.name: bindparam(column.name) for column in api_keys.c})
)
_one = Statement(lambda: select(api_keys).where(_c.id == bindparam("key"), _c.user_id == _user))
_count = Statement(lambda: select(func.count()).select_from(api_keys).where(_c.user_id == _user))
_delete = Statement(lambda: delete(api_keys).where(_c.id == bindparam("key"), _c.user_id == _user))
_touch = Statement(
    lambda: update(api_keys).where(_c.id == bindparam("key")).values(last_used_time=bindparam("now"))
)


def listed(user_id: uuid.UUID) -> Select[Any]:
    return select(api_keys).where(_c.user_id == user_id)


async def get_key(reader: Reader, user_id: uuid.UUID, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(_one, user_id=user_id, key=key)
    if row is None:
        raise NotFound("API key", key)
    return row


async def count_keys(reader: Reader, user_id: uuid.UUID) -> int:
    return int(await reader.fetch_value(_count, user_id=user_id))


async def add_key(work: UnitOfWork, row: dict[str, Any]) -> None:
    await work.execute(_add, **row)


async def delete_key(work: UnitOfWork, user_id: uuid.UUID, key: uuid.UUID) -> bool:
    """False when the user has no such key."""
    return await work.execute(_delete, user_id=user_id, key=key) > 0


async def touch_key(work: UnitOfWork, key: uuid.UUID) -> None:
    await work.execute(_touch, key=key, now=work.clock.now())
