"""SQL of credentials and sessions. What ends a session or key is announced to every gateway."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Select, and_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot.identity.v1 import session_pb2 as pb
from taproot_gateway.api_keys.model import api_keys
from taproot_gateway.revocations import announce
from taproot_gateway.second_factors.model import sign_in_challenges
from taproot_gateway.sessions.model import credentials, sessions
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

_s, _c = sessions.c, credentials.c
RESOURCE = Resource(
    "session",
    [
        Field("id", _s.id, FieldType.ID, sortable=False),
        Field("create_time", _s.create_time, FieldType.INSTANT),
        Field("last_used_time", _s.last_used_time, FieldType.INSTANT),
        Field("expire_time", _s.expire_time, FieldType.INSTANT),
        Field("ip_address", _s.ip_address, FieldType.TEXT, sensitive_class="personal"),
        Field("user_agent", _s.user_agent, FieldType.TEXT),
        Field("method", _s.method, FieldType.ENUM, enum=pb.SignInMethod),
        Field("second_factor", _s.second_factor, FieldType.BOOLEAN),
    ],
    default_order="create_time desc",
    id_column=_s.id,
)

_user: BindParameter[Any] = bindparam("user_id")
_open = and_(_s.expire_time > bindparam("now"), _s.last_used_time > bindparam("idle_since"))

_put_password = Statement(
    lambda: (
        (made := insert(credentials))
        .values({column.name: bindparam(column.name) for column in credentials.c})
        .on_conflict_do_update(
            index_elements=["user_id"],
            set_={n: made.excluded[n] for n in ("password_hash", "must_change", "changed_time")},
        )
    )
)
_credential = Statement(lambda: select(credentials).where(_c.user_id == _user))
_drop_password = Statement(lambda: delete(credentials).where(_c.user_id == _user))
_add_session = Statement(
    lambda: insert(sessions).values({column.name: bindparam(column.name) for column in sessions.c})
)
_one = Statement(lambda: select(sessions).where(_s.id == bindparam("key"), _s.user_id == _user, _open))
_end_one = Statement(lambda: delete(sessions).where(_s.id == bindparam("key"), _s.user_id == _user))
_replace = Statement(lambda: delete(sessions).where(_s.id == bindparam("key")).returning(_s.user_id))
_end_all = Statement(lambda: delete(sessions).where(_s.user_id == _user, _s.id != bindparam("but")))
_end_challenges = Statement(lambda: delete(sign_in_challenges).where(sign_in_challenges.c.user_id == _user))
_end_keys = Statement(lambda: delete(api_keys).where(api_keys.c.user_id == _user))
_touch = Statement(
    lambda: update(sessions).where(_s.id == bindparam("key")).values(last_used_time=bindparam("now"))
)
_expire = Statement(
    lambda: delete(sessions).where(
        (_s.expire_time < bindparam("now")) | (_s.last_used_time < bindparam("idle_since"))
    )
)


async def put_password(work: UnitOfWork, user_id: uuid.UUID, digest: str, *, must_change: bool) -> None:
    now = work.clock.now()
    await work.execute(
        _put_password, user_id=user_id, password_hash=digest, must_change=must_change, changed_time=now
    )


async def drop_password(work: UnitOfWork, user_id: uuid.UUID) -> None:
    await work.execute(_drop_password, user_id=user_id)


async def find_credential(reader: Reader, user_id: uuid.UUID) -> Any:
    return await reader.fetch_row(_credential, user_id=user_id)


async def add_session(work: UnitOfWork, row: dict[str, Any]) -> None:
    await work.execute(_add_session, **row)


async def find_session(reader: Reader, user_id: uuid.UUID, key: uuid.UUID, idle_minutes: float) -> Any:
    return await reader.fetch_row(_one, user_id=user_id, key=key, **_limits(reader, idle_minutes))


def open_sessions(reader: Reader, user_id: uuid.UUID, idle_minutes: float) -> Select[Any]:
    limits = _limits(reader, idle_minutes)
    still_open = and_(_s.expire_time > limits["now"], _s.last_used_time > limits["idle_since"])
    return select(sessions).where(_s.user_id == user_id, still_open)


async def end_session(work: UnitOfWork, user_id: uuid.UUID, key: uuid.UUID) -> bool:
    """False when the user has no such session."""
    ended = await work.execute(_end_one, user_id=user_id, key=key) > 0
    await announce(work, user_id)
    return ended


async def replace_session(work: UnitOfWork, key: uuid.UUID) -> None:
    """The session a browser had before it signed in anew, whosever it was."""
    owner = await work.fetch_value(_replace, key=key)
    if owner is not None:
        await announce(work, owner)


async def end_sessions(work: UnitOfWork, user_id: uuid.UUID, but: uuid.UUID | None = None) -> None:
    """Sign-ins that wait for a second factor end too."""
    await work.execute(_end_all, user_id=user_id, but=but or uuid.UUID(int=0))
    await work.execute(_end_challenges, user_id=user_id)
    await announce(work, user_id)


async def end_keys(work: UnitOfWork, user_id: uuid.UUID) -> None:
    await work.execute(_end_keys, user_id=user_id)
    await announce(work, user_id)


async def touch_session(work: UnitOfWork, key: uuid.UUID) -> None:
    await work.execute(_touch, key=key, now=work.clock.now())


async def expire(work: UnitOfWork, idle_minutes: float) -> None:
    await work.execute(_expire, **_limits(work, idle_minutes))


def _limits(reader: Reader, idle_minutes: float) -> dict[str, datetime]:
    now = reader.clock.now()
    return {"now": now, "idle_since": now - timedelta(minutes=idle_minutes)}
