"""SQL of credentials, sessions and attempts."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, DateTime, Integer, Select, and_, bindparam, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot_gateway.api_keys.model import api_keys
from taproot_gateway.sessions.model import credentials, sessions, sign_in_attempts
from taproot_gateway.users.model import name_key
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

_s, _c, _a = sessions.c, credentials.c, sign_in_attempts.c
RESOURCE = Resource(
    "session",
    [
        Field("id", _s.id, FieldType.ID, sortable=False),
        Field("create_time", _s.create_time, FieldType.INSTANT),
        Field("last_used_time", _s.last_used_time, FieldType.INSTANT),
        Field("expire_time", _s.expire_time, FieldType.INSTANT),
        Field("ip_address", _s.ip_address, FieldType.TEXT, sensitive_class="personal"),
        Field("user_agent", _s.user_agent, FieldType.TEXT),
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
_add_session = Statement(
    lambda: insert(sessions).values({column.name: bindparam(column.name) for column in sessions.c})
)
_one = Statement(lambda: select(sessions).where(_s.id == bindparam("key"), _s.user_id == _user, _open))
_end_one = Statement(lambda: delete(sessions).where(_s.id == bindparam("key"), _s.user_id == _user))
_end_all = Statement(lambda: delete(sessions).where(_s.user_id == _user, _s.id != bindparam("but")))
_end_keys = Statement(lambda: delete(api_keys).where(api_keys.c.user_id == _user))
_touch = Statement(
    lambda: update(sessions).where(_s.id == bindparam("key")).values(last_used_time=bindparam("now"))
)
_expire = Statement(
    lambda: delete(sessions).where(
        (_s.expire_time < bindparam("now")) | (_s.last_used_time < bindparam("idle_since"))
    )
)
_expire_attempts = Statement(lambda: delete(sign_in_attempts).where(_a.last_time < bindparam("before")))
_forget = Statement(lambda: delete(sign_in_attempts).where(_a.key == bindparam("key")))

_now = bindparam("now", type_=DateTime(timezone=True))
_lock_until = bindparam("lock_until", type_=DateTime(timezone=True))
_limit = bindparam("limit", type_=Integer)
_fresh = (_a.last_time < bindparam("window", type_=DateTime(timezone=True))) | (_a.locked_until <= _now)
# One statement, so that parallel attempts are counted one by one: none can slip in before the count is seen.
_attempt = Statement(
    lambda: (
        insert(sign_in_attempts)
        .values(key=bindparam("key"), count=1, last_time=_now, locked_until=None)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": case((_fresh, 1), (_a.locked_until > _now, _a.count), else_=_a.count + 1),
                "locked_until": case(
                    (_fresh, None),
                    (_a.locked_until > _now, _a.locked_until),
                    (_a.count + 1 > _limit, _lock_until),
                    else_=None,
                ),
                "last_time": _now,
            },
        )
        .returning(_a.locked_until)
    )
)


async def put_password(work: UnitOfWork, user_id: uuid.UUID, digest: str, *, must_change: bool) -> None:
    now = work.clock.now()
    await work.execute(
        _put_password, user_id=user_id, password_hash=digest, must_change=must_change, changed_time=now
    )


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
    return await work.execute(_end_one, user_id=user_id, key=key) > 0


async def end_sessions(work: UnitOfWork, user_id: uuid.UUID, but: uuid.UUID | None = None) -> None:
    await work.execute(_end_all, user_id=user_id, but=but or uuid.UUID(int=0))


async def end_keys(work: UnitOfWork, user_id: uuid.UUID) -> None:
    await work.execute(_end_keys, user_id=user_id)


async def touch_session(work: UnitOfWork, key: uuid.UUID) -> None:
    await work.execute(_touch, key=key, now=work.clock.now())


async def count_attempt(work: UnitOfWork, key: str, limit: int, lock: timedelta) -> datetime | None:
    """Counts an attempt before it is judged. Answers until when the key is locked, if it is."""
    now = work.clock.now()
    until: datetime | None = await work.fetch_value(
        _attempt, key=key, now=now, window=now - lock, limit=limit, lock_until=now + lock
    )
    return until


async def forget_attempts(work: UnitOfWork, user_name: str) -> None:
    await work.execute(_forget, key=attempts_key(user_name))


def attempts_key(user_name: str) -> str:
    return "name:" + hashlib.sha256(name_key(user_name).encode()).hexdigest()


async def expire(work: UnitOfWork, idle_minutes: float) -> None:
    """What has ended, and attempts of long ago."""
    await work.execute(_expire, **_limits(work, idle_minutes))
    await work.execute(_expire_attempts, before=work.clock.now() - timedelta(days=1))


def _limits(reader: Reader, idle_minutes: float) -> dict[str, datetime]:
    now = reader.clock.now()
    return {"now": now, "idle_since": now - timedelta(minutes=idle_minutes)}
