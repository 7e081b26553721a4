"""Counting attempts before they are judged, so that guesses made at once get no more than guesses in a row.

A key that fails too often is locked for a while, twice as long each time, up to a limit that is short enough
to be no weapon: whoever guesses at a name from one place locks that name there. Everywhere else it is locked
only by many failures, for a minute at most, and never where its owner has signed in lately.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Float, and_, bindparam, case, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot_gateway.sessions.model import SignInLocked, sign_in_attempts, sign_in_places
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users.model import name_key
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.statements import Statement

FORGET_SECONDS = 3600
"""What was counted fades: as many attempts as are allowed are forgotten in this time."""
PLACE_DAYS = 30
NAME_LOCK_MOST_SECONDS = 60.0


@dataclass(frozen=True)
class Limit:
    """`attempts` are judged; the next one locks the key for `first_seconds`, doubled each time."""

    key: str
    attempts: int
    first_seconds: float
    most_seconds: float


_a, _p = sign_in_attempts.c, sign_in_places.c
_instant = DateTime(timezone=True)
_now = bindparam("now", type_=_instant)
_zero: Any = literal_column("0")
_one: Any = literal_column("1")
_limit = bindparam("limit", type_=Float)
_locked = and_(_a.locked_until.is_not(None), _a.locked_until > _now)
_served = and_(_a.locked_until.is_not(None), _a.locked_until <= _now)
_passed = func.extract("epoch", _now - _a.last_time) / literal_column(f"{FORGET_SECONDS}::float8")
_left = _a.count - _limit * _passed
_quiet = and_(_left <= _zero, ~_locked)
_too_many = _left + _one > _limit
_seconds = func.least(
    bindparam("first", type_=Float)
    * func.power(literal_column("2::float8"), func.least(_a.level, literal_column("20"))),
    bindparam("most", type_=Float),
)
_lock_until = _now + func.make_interval(*[_zero] * 6, _seconds)
# One statement, so that parallel attempts are counted one by one: none can slip in before the count is seen.
_attempt = Statement(
    lambda: (
        insert(sign_in_attempts)
        .values(key=bindparam("key"), count=1, level=0, last_time=_now, locked_until=None)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": case((_quiet, 1), (_locked, _a.count), (_served, _limit), else_=_left + _one),
                "level": case(
                    (_quiet, 0),
                    (_locked, _a.level),
                    (_served, _a.level),
                    (_too_many, _a.level + 1),
                    else_=_a.level,
                ),
                "locked_until": case(
                    (_quiet, None),
                    (_locked, _a.locked_until),
                    (_served, None),
                    (_too_many, _lock_until),
                    else_=None,
                ),
                "last_time": _now,
            },
        )
        .returning(_a.locked_until)
    )
)
# All keys of a name: of the name itself and of the name at any place.
_forget = Statement(
    lambda: delete(sign_in_attempts).where(_a.key >= bindparam("start"), _a.key < bindparam("end"))
)
_forget_key = Statement(lambda: delete(sign_in_attempts).where(_a.key == bindparam("key")))
_take_back = Statement(
    lambda: update(sign_in_attempts).where(_a.key == bindparam("key")).values(count=_a.count - _one)
)
_expire = Statement(lambda: delete(sign_in_attempts).where(_a.last_time < bindparam("before")))
_known_place = Statement(
    lambda: select(_p.key).where(_p.key == bindparam("key"), _p.last_time > bindparam("since"))
)
_keep_place = Statement(
    lambda: (
        (made := insert(sign_in_places))
        .values(key=bindparam("key"), last_time=bindparam("now"))
        .on_conflict_do_update(index_elements=["key"], set_={"last_time": made.excluded.last_time})
    )
)
_expire_places = Statement(lambda: delete(sign_in_places).where(_p.last_time < bindparam("before")))


async def require_free(database: Database, limits: Iterable[Limit]) -> None:
    """Counts one attempt under each key, in a transaction of its own: a failed one stays counted.

    Raises SignInLocked.
    """
    async with database.unit() as work:
        work.audited = False
        found = [await _count(work, limit) for limit in limits]
        now = work.clock.now()
    _refuse(found, now)


async def count_sign_in(database: Database, settings: GatewaySettings, user_name: str, address: str) -> None:
    """Raises SignInLocked."""
    first, most = settings.sign_in_lock_seconds, settings.sign_in_lock_most_seconds
    limits = [Limit(_name_at(user_name, address), settings.sign_in_attempts, first, most)]
    if address:
        limits.append(Limit(f"address:{address}", settings.sign_in_attempts_per_address, first, most))
    whole_name = Limit(_name(user_name), settings.sign_in_attempts_per_name, first, NAME_LOCK_MOST_SECONDS)
    async with database.unit() as work:
        work.audited = False
        now = work.clock.now()
        since = now - timedelta(days=PLACE_DAYS)
        known = await work.fetch_value(_known_place, key=_name_at(user_name, address), since=since)
        if known is None:
            limits.append(whole_name)
        found = [await _count(work, limit) for limit in limits]
    _refuse(found, now)


async def remember_place(work: UnitOfWork, user_name: str, address: str) -> None:
    """After a sign-in: others cannot lock the name here any more, and what was counted is forgotten."""
    await work.execute(_forget_key, key=_name_at(user_name, address))
    await work.execute(_forget_key, key=_name(user_name))
    if address:  # many people sign in from one address: only failures are held against it
        await work.execute(_take_back, key=f"address:{address}")
    await work.execute(_keep_place, key=_name_at(user_name, address), now=work.clock.now())


async def forget_name(work: UnitOfWork, user_name: str) -> None:
    """Lifts every lock of a name."""
    name = _name(user_name)
    await work.execute(_forget, start=name, end=name + "~")


async def forget_key(work: UnitOfWork, key: str) -> None:
    await work.execute(_forget_key, key=key)


async def expire(work: UnitOfWork) -> None:
    now = work.clock.now()
    await work.execute(_expire, before=now - timedelta(days=1))
    await work.execute(_expire_places, before=now - timedelta(days=PLACE_DAYS))


def hashed(text: str) -> str:
    """Names and addresses of people are not kept as attempts, only told apart."""
    return hashlib.sha256(name_key(text).encode()).hexdigest()


async def _count(work: UnitOfWork, limit: Limit) -> datetime | None:
    """Until when the key is locked, if it is."""
    now = work.clock.now()
    values = {"first": limit.first_seconds, "most": limit.most_seconds, "limit": float(limit.attempts)}
    until: datetime | None = await work.fetch_value(_attempt, key=limit.key, now=now, **values)
    return until


def _refuse(found: Iterable[datetime | None], now: datetime) -> None:
    locked = [until for until in found if until is not None]
    if locked:
        raise SignInLocked((max(locked) - now).total_seconds())


def _name(user_name: str) -> str:
    return "name:" + hashed(user_name)


def _name_at(user_name: str, address: str) -> str:
    return f"{_name(user_name)}@{hashed(address)}"
