"""SQL of queued mails and mailed tokens."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update

from taproot_base.ids import new_id
from taproot_gateway.callers import credential_hash
from taproot_gateway.mails.model import account_mails, mailed_tokens
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

PASSWORD_RESET, PASSWORD_CHANGED, INVITATION = "reset", "changed", "invitation"
WEBHOOK_GONE, WEBHOOK_FAILING = "webhook_gone", "webhook_failing"
BATCH = 20
_TOKEN_PREFIX = "tm_"  # noqa: S105 - tells mailed tokens from others
_FIRST_RETRY_SECONDS = 15

_m, _t = account_mails.c, mailed_tokens.c
_queue = Statement(lambda: insert(account_mails).values({c.name: bindparam(c.name) for c in account_mails.c}))
# Claimed for some time by pushing the next attempt away: twice as far each time.
_claim = Statement(
    lambda: (
        update(account_mails)
        .where(
            _m.id.in_(
                select(_m.id)
                .where(_m.next_time <= bindparam("now"))
                .order_by(_m.next_time)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            )
        )
        .values(
            tries=_m.tries + 1,
            next_time=_m.next_time
            + func.make_interval(
                *[literal_column("0")] * 6,
                literal_column(f"{_FIRST_RETRY_SECONDS}::float8")
                * func.power(literal_column("2::float8"), _m.tries),
            ),
        )
        .returning(*account_mails.c)
    )
)
_done = Statement(lambda: delete(account_mails).where(_m.id == bindparam("key")))
_expire_mails = Statement(lambda: delete(account_mails).where(_m.create_time < bindparam("before")))
_add_token = Statement(
    lambda: insert(mailed_tokens).values({c.name: bindparam(c.name) for c in mailed_tokens.c})
)
_token = Statement(
    lambda: select(mailed_tokens).where(
        _t.token_hash == bindparam("digest"), _t.expire_time > bindparam("now")
    )
)
_use_token = Statement(
    lambda: (
        delete(mailed_tokens)
        .where(_t.token_hash == bindparam("digest"), _t.expire_time > bindparam("now"))
        .returning(_t.user_id)
    )
)
_drop_tokens = Statement(lambda: delete(mailed_tokens).where(_t.user_id == bindparam("user_id")))
_expire_tokens = Statement(lambda: delete(mailed_tokens).where(_t.expire_time < bindparam("now")))


async def queue_mail(
    work: UnitOfWork, kind: str, *, user_id: uuid.UUID | None = None, login: str = "", about: str = ""
) -> None:
    now = work.clock.now()
    values = {
        "user_id": user_id,
        "login": login,
        "about": about,
        "create_time": now,
        "next_time": now,
        "tries": 0,
    }
    await work.execute(_queue, id=new_id(), kind=kind, **values)


async def claim_mails(work: UnitOfWork) -> list[Any]:
    return await work.fetch(_claim, now=work.clock.now())


async def drop_mail(work: UnitOfWork, key: uuid.UUID) -> None:
    await work.execute(_done, key=key)


async def make_token(
    work: UnitOfWork, kind: str, user_id: uuid.UUID, life: timedelta
) -> tuple[str, datetime]:
    """The token, which is kept nowhere, and when it ends."""
    token, now = _TOKEN_PREFIX + secrets.token_urlsafe(32), work.clock.now()
    values = {"user_id": user_id, "create_time": now, "expire_time": now + life}
    await work.execute(_add_token, token_hash=credential_hash(token), kind=kind, **values)
    return token, now + life


async def find_token(reader: Reader, token: str) -> Any:
    return await reader.fetch_row(_token, digest=credential_hash(token), now=reader.clock.now())


async def use_token(work: UnitOfWork, token: str) -> bool:
    """True once. Every other token of the user ends with it."""
    user_id = await work.fetch_value(_use_token, digest=credential_hash(token), now=work.clock.now())
    if user_id is not None:
        await drop_tokens(work, user_id)
    return user_id is not None


async def drop_tokens(work: UnitOfWork, user_id: uuid.UUID) -> None:
    await work.execute(_drop_tokens, user_id=user_id)


async def expire(work: UnitOfWork) -> None:
    now = work.clock.now()
    await work.execute(_expire_tokens, now=now)
    await work.execute(_expire_mails, before=now - timedelta(days=1))
