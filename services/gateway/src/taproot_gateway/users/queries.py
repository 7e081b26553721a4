"""Reads of users."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Integer, Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, array

from taproot.identity.v1 import user_pb2 as pb
from taproot_base.errors import NotFound
from taproot_gateway.roles.model import Role
from taproot_gateway.users.model import ACTIVE, User, name_key
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c, _r = User.__table__.c, Role.__table__.c

RESOURCE = Resource(
    "user",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("user_name", _c.user_name, FieldType.TEXT),
        Field("display_name", _c.display_name, FieldType.TEXT, sort_column=_c.sort_key),
        Field("kind", _c.kind, FieldType.ENUM, enum=pb.UserKind),
        Field("state", _c.state, FieldType.ENUM, enum=pb.UserState),
        Field("customer_id", _c.customer_id, FieldType.ID, sortable=False),
        Field("email", _c.email, FieldType.TEXT, sensitive_class="contact"),
        Field("phone", _c.phone, FieldType.TEXT, sensitive_class="contact"),
        Field("employee_number", _c.employee_number, FieldType.TEXT),
        Field("title", _c.title, FieldType.TEXT),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
        Field("team_ids", _c.team_ids, FieldType.ID, repeated=True),
        Field("role_ids", _c.role_ids, FieldType.ID, repeated=True),
        Field("manager_id", _c.manager_id, FieldType.ID, sortable=False),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="display_name",
    id_column=_c.id,
)

_alive = _c.delete_time.is_(None)
_get = Statement(lambda: select(User.__table__).where(_c.id == bindparam("key"), _alive, visible(User)))
_self = Statement(
    lambda: select(User.__table__).where(
        _c.id == bindparam("key"), _alive, unscoped(User, "everybody sees their own record")
    )
)
_by_name = Statement(
    lambda: select(User.__table__).where(
        _c.name_key == bindparam("name"),
        _alive,
        unscoped(User, "names are unique; sign-in has no caller yet"),
    )
)
_by_email = Statement(
    lambda: (
        select(User.__table__)
        .where(
            _c.email_key == bindparam("email"),
            _alive,
            unscoped(User, "a mail goes to whoever owns the address"),
        )
        .order_by(_c.name_key)
        .limit(bindparam("most", type_=Integer))
    )
)
_why = "counts only"
_with_role = Statement(
    lambda: select(func.count()).where(
        _c.role_ids.contains(array([bindparam("key", type_=Uuid)])), _alive, unscoped(User, _why)
    )
)
_in_team = Statement(
    lambda: select(func.count()).where(
        _c.team_ids.contains(array([bindparam("key", type_=Uuid)])), _alive, unscoped(User, _why)
    )
)
_known = Statement(
    lambda: select(_c.id).where(
        _c.id == func.any(bindparam("keys", type_=ARRAY(Uuid))),
        _alive,
        unscoped(User, "only whether they exist"),
    )
)
_administrators = Statement(
    lambda: (
        select(func.count())
        .select_from(User.__table__)
        .where(
            _c.id != bindparam("without"),
            _c.state == ACTIVE,
            _alive,
            select(1)
            .where(
                _r.id == func.any(_c.role_ids),
                _r.grants.contains([["*", "all"]]),
                _r.delete_time.is_(None),
                unscoped(Role, _why),
            )
            .exists(),
            unscoped(User, _why),
        )
    )
)
_count = Statement(lambda: select(func.count()).select_from(User.__table__).where(unscoped(User, _why)))


def listed() -> Select[Any]:
    return select(User.__table__).where(_alive)


def for_change(key: uuid.UUID) -> Select[Any]:
    return select(User).where(User.id == key, User.delete_time.is_(None), visible(User)).with_for_update()


async def get_user(reader: Reader, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, key=key)
    if row is None:
        raise NotFound("user", key)
    return row


async def own_record(reader: Reader, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(_self, key=key)
    if row is None:
        raise NotFound("user", key)
    return row


async def find_user(reader: Reader, key: uuid.UUID) -> Any:
    """Whoever asks. None when there is no such user."""
    return await reader.fetch_row(_self, key=key)


async def find_by_email(reader: Reader, email: str, most: int) -> list[Any]:
    return await reader.fetch(_by_email, email=name_key(email), most=most)


async def find_by_login(reader: Reader, login: str, most: int) -> list[Any]:
    """By user name, else by e-mail address."""
    named = await find_by_name(reader, name_key(login))
    return [named] if named is not None else await find_by_email(reader, login, most)


async def find_by_name(reader: Reader, key: str) -> Any:
    """`key` as `model.name_key` makes it. None when there is no such user."""
    return await reader.fetch_row(_by_name, name=key)


async def count_with_role(reader: Reader, role_id: uuid.UUID) -> int:
    return int(await reader.fetch_value(_with_role, key=role_id))


async def count_in_team(reader: Reader, team_id: uuid.UUID) -> int:
    return int(await reader.fetch_value(_in_team, key=team_id))


async def known_users(reader: Reader, keys: list[uuid.UUID]) -> set[uuid.UUID]:
    return {row["id"] for row in await reader.fetch(_known, keys=keys)}


async def other_administrators(reader: Reader, without: uuid.UUID) -> int:
    """Active users, except one, who may do everything everywhere."""
    return int(await reader.fetch_value(_administrators, without=without))


async def count_users(reader: Reader) -> int:
    return int(await reader.fetch_value(_count))
