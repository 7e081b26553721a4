"""SQL of links to accounts at the provider and of the sessions they opened."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from taproot_gateway.oidc.model import oidc_links, oidc_sessions
from taproot_gateway.sessions.model import sessions
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

_l, _o, _s = oidc_links.c, oidc_sessions.c, sessions.c
_issuer: Any = bindparam("issuer")
_subject: Any = bindparam("subject")
_sid: Any = bindparam("sid")
_linked = Statement(lambda: select(_l.user_id).where(_l.issuer == _issuer, _l.subject == _subject))
_subject_of = Statement(
    lambda: select(_l.subject).where(_l.issuer == _issuer, _l.user_id == bindparam("user_id"))
)
_link = Statement(lambda: insert(oidc_links).values({c.name: bindparam(c.name) for c in oidc_links.c}))
_unlink = Statement(lambda: delete(oidc_links).where(_l.user_id == bindparam("user_id")))
_add = Statement(lambda: insert(oidc_sessions).values({c.name: bindparam(c.name) for c in oidc_sessions.c}))
_session = Statement(lambda: select(oidc_sessions).where(_o.session_id == bindparam("key")))
# A logout token names a session at the provider, an account, or both.
_named = Statement(
    lambda: (
        select(_s.id, _s.user_id)
        .join_from(oidc_sessions, sessions, _s.id == _o.session_id)
        .where(
            _o.issuer == _issuer,
            or_(_sid == "", _o.sid == _sid),
            or_(_subject == "", _o.subject == _subject),
        )
    )
)
_expire = Statement(
    lambda: delete(oidc_sessions).where(~select(_s.id).where(_s.id == _o.session_id).exists())
)


async def linked_user(reader: Reader, issuer: str, subject: str) -> uuid.UUID | None:
    found: uuid.UUID | None = await reader.fetch_value(_linked, issuer=issuer, subject=subject)
    return found


async def is_linked(reader: Reader, issuer: str, user_id: uuid.UUID) -> bool:
    return await reader.fetch_value(_subject_of, issuer=issuer, user_id=user_id) is not None


async def link(work: UnitOfWork, issuer: str, subject: str, user_id: uuid.UUID) -> None:
    now = work.clock.now()
    await work.execute(_link, issuer=issuer, subject=subject, user_id=user_id, create_time=now)


async def drop_links(work: UnitOfWork, user_id: uuid.UUID) -> None:
    await work.execute(_unlink, user_id=user_id)


async def add_session(work: UnitOfWork, row: dict[str, Any]) -> None:
    await work.execute(_add, **row)


async def find_session(reader: Reader, session_id: uuid.UUID) -> Any:
    return await reader.fetch_row(_session, key=session_id)


async def named_sessions(reader: Reader, issuer: str, subject: str, sid: str) -> list[Any]:
    return await reader.fetch(_named, issuer=issuer, subject=subject, sid=sid)


async def expire(work: UnitOfWork) -> None:
    """What was known of sessions that have ended."""
    await work.execute(_expire)
