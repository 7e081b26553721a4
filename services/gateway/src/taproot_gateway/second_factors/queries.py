"""SQL of second factors, recovery codes and sign-ins that wait for one."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from taproot_gateway.callers import credential_hash
from taproot_gateway.second_factors.codes import recovery_hash
from taproot_gateway.second_factors.model import recovery_codes, second_factors, sign_in_challenges
from taproot_gateway.sessions.model import sessions
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

CHALLENGE_LIFE = timedelta(minutes=5)
_TOKEN_PREFIX = "tc_"  # noqa: S105 - tells challenges from other tokens

_f, _r, _c = second_factors.c, recovery_codes.c, sign_in_challenges.c
_user: Any = bindparam("user_id")
_factor = Statement(lambda: select(second_factors).where(_f.user_id == _user))
_put = Statement(
    lambda: (
        (made := upsert(second_factors))
        .values(
            user_id=_user,
            secret_sealed=bindparam("sealed"),
            create_time=bindparam("now"),
            confirm_time=None,
            last_step=0,
        )
        .on_conflict_do_update(
            index_elements=["user_id"],
            set_={name: made.excluded[name] for name in ("secret_sealed", "create_time", "last_step")},
            where=_f.confirm_time.is_(None),
        )
    )
)
_confirm = Statement(
    lambda: (
        update(second_factors)
        .where(_f.user_id == _user, _f.confirm_time.is_(None))
        .values(confirm_time=bindparam("now"))
    )
)
# Only forward: of two requests with the same code one finds the step taken.
_take_step = Statement(
    lambda: (
        update(second_factors)
        .where(_f.user_id == _user, _f.last_step < bindparam("step"))
        .values(last_step=bindparam("step"))
    )
)
_remove = Statement(lambda: delete(second_factors).where(_f.user_id == _user))
_add_code = Statement(lambda: insert(recovery_codes).values(code_hash=bindparam("digest"), user_id=_user))
_use_code = Statement(
    lambda: delete(recovery_codes).where(_r.code_hash == bindparam("digest"), _r.user_id == _user)
)
_drop_codes = Statement(lambda: delete(recovery_codes).where(_r.user_id == _user))
_count_codes = Statement(lambda: select(func.count()).select_from(recovery_codes).where(_r.user_id == _user))
_add_challenge = Statement(
    lambda: insert(sign_in_challenges).values(
        token_hash=bindparam("digest"), user_id=_user, expire_time=bindparam("until")
    )
)
_challenge = Statement(
    lambda: select(_c.user_id).where(_c.token_hash == bindparam("digest"), _c.expire_time > bindparam("now"))
)
_use_challenge = Statement(lambda: delete(sign_in_challenges).where(_c.token_hash == bindparam("digest")))
_drop_challenges = Statement(lambda: delete(sign_in_challenges).where(_c.user_id == _user))
_expire = Statement(lambda: delete(sign_in_challenges).where(_c.expire_time < bindparam("now")))
_mark_session = Statement(
    lambda: (
        update(sessions)
        .where(sessions.c.id == bindparam("key"), sessions.c.user_id == _user)
        .values(second_factor=True)
    )
)


async def find_factor(reader: Reader, user_id: uuid.UUID) -> Any:
    """Whether confirmed or not."""
    return await reader.fetch_row(_factor, user_id=user_id)


async def put_factor(work: UnitOfWork, user_id: uuid.UUID, sealed: bytes) -> bool:
    """False when there is a confirmed one."""
    return await work.execute(_put, user_id=user_id, sealed=sealed, now=work.clock.now()) > 0


async def confirm_factor(work: UnitOfWork, user_id: uuid.UUID) -> bool:
    return await work.execute(_confirm, user_id=user_id, now=work.clock.now()) > 0


async def take_step(work: UnitOfWork, user_id: uuid.UUID, step: int) -> bool:
    """False when a code of this step or a later one was taken before."""
    return await work.execute(_take_step, user_id=user_id, step=step) > 0


async def use_recovery_code(work: UnitOfWork, user_id: uuid.UUID, code: str) -> bool:
    return await work.execute(_use_code, user_id=user_id, digest=recovery_hash(code)) > 0


async def put_recovery_codes(work: UnitOfWork, user_id: uuid.UUID, codes: Iterable[str]) -> None:
    await work.execute(_drop_codes, user_id=user_id)
    await work.execute_many(
        _add_code, [{"digest": recovery_hash(code), "user_id": user_id} for code in codes]
    )


async def count_recovery_codes(reader: Reader, user_id: uuid.UUID) -> int:
    return int(await reader.fetch_value(_count_codes, user_id=user_id))


async def remove_factor(work: UnitOfWork, user_id: uuid.UUID) -> None:
    for statement in (_remove, _drop_codes, _drop_challenges):
        await work.execute(statement, user_id=user_id)


async def mark_session(work: UnitOfWork, user_id: uuid.UUID, key: uuid.UUID) -> None:
    """The session in which somebody has just shown the second factor."""
    await work.execute(_mark_session, user_id=user_id, key=key)


async def make_challenge(work: UnitOfWork, user_id: uuid.UUID) -> str:
    """The token, which is kept nowhere."""
    token = _TOKEN_PREFIX + secrets.token_urlsafe(32)
    until = work.clock.now() + CHALLENGE_LIFE
    await work.execute(_add_challenge, digest=credential_hash(token), user_id=user_id, until=until)
    return token


async def challenged_user(reader: Reader, token: str) -> uuid.UUID | None:
    found: uuid.UUID | None = await reader.fetch_value(
        _challenge, digest=credential_hash(token), now=reader.clock.now()
    )
    return found


async def use_challenge(work: UnitOfWork, token: str) -> bool:
    """True once."""
    return await work.execute(_use_challenge, digest=credential_hash(token)) > 0


async def expire(work: UnitOfWork) -> None:
    await work.execute(_expire, now=work.clock.now())
