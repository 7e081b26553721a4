"""Whom a credential stands for: sessions and API keys with their users, roles and branches as stored now."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from taproot_base.auth import Principal, RoleRef
from taproot_gateway.api_keys import queries as key_queries
from taproot_gateway.api_keys.model import api_keys
from taproot_gateway.branches.queries import find_branches
from taproot_gateway.callers import Identity, credential_hash
from taproot_gateway.oidc import OidcVerifier, looks_like_jwt
from taproot_gateway.roles.queries import find_roles
from taproot_gateway.sessions import store
from taproot_gateway.sessions.model import credentials, sessions
from taproot_gateway.sessions.opening import PASSWORD
from taproot_gateway.users.model import ACTIVE, PORTAL, User, name_key
from taproot_storage.database import Database, Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

# The last use is stored this exactly: each write costs a transaction.
TOUCH = timedelta(minutes=1)

_u, _s, _k, _c = User.__table__.c, sessions.c, api_keys.c, credentials.c
_user = (
    _u.kind, _u.customer_id, _u.branch_id, _u.other_branch_ids, _u.team_ids, _u.role_ids,
    _c.must_change, _u.id.label("user_id"),
)  # fmt: skip
_allowed = (
    _u.state == ACTIVE,
    _u.delete_time.is_(None),
    unscoped(User, "sign-in: the caller is not known yet"),
)
_by_session = Statement(
    lambda: (
        select(_s.id, _s.last_used_time, _s.second_factor, _s.method, *_user)
        .join_from(sessions, User.__table__, _u.id == _s.user_id)
        .outerjoin(credentials, _c.user_id == _u.id)
        .where(
            _s.token_hash == bindparam("digest"),
            _s.expire_time > bindparam("now"),
            _s.last_used_time > bindparam("idle_since"),
            *_allowed,
        )
    )
)
_by_key = Statement(
    lambda: (
        select(_k.id, _k.last_used_time, _k.scope, *_user)
        .join_from(api_keys, User.__table__, _u.id == _k.user_id)
        .outerjoin(credentials, _c.user_id == _u.id)
        .where(_k.key_hash == bindparam("digest"), _k.expire_time > bindparam("now"), *_allowed)
    )
)


_by_name = Statement(
    lambda: (
        select(*_user)
        .select_from(User.__table__)
        .outerjoin(credentials, _c.user_id == _u.id)
        .where(_u.name_key == bindparam("name"), *_allowed)
    )
)


class CredentialLookup:
    def __init__(self, database: Database, idle_minutes: float, oidc: OidcVerifier | None = None) -> None:
        self._database = database
        self._idle = timedelta(minutes=idle_minutes)
        self._oidc = oidc

    async def __call__(self, credential: str) -> Identity | None:
        if self._oidc is not None and looks_like_jwt(credential):
            name = await self._oidc.user_name(credential)
            return await self._named(name) if name else None
        return await self._stored(credential_hash(credential))

    async def _named(self, user_name: str) -> Identity | None:
        async with self._database.reading() as reader:
            row = await reader.fetch_row(_by_name, name=name_key(user_name))
            if row is None:
                return None
            return Identity(await _principal(reader, row, await find_roles(reader, row["role_ids"])))

    async def _stored(self, digest: bytes) -> Identity | None:
        async with self._database.reading() as reader:
            now = reader.clock.now()
            row = await reader.fetch_row(_by_session, digest=digest, now=now, idle_since=now - self._idle)
            is_session = row is not None
            if row is None:
                row = await reader.fetch_row(_by_key, digest=digest, now=now)
            if row is None:
                return None
            roles = await find_roles(reader, row["role_ids"])
            principal = await _principal(reader, row, roles)
        await self._touch(row["id"], row["last_used_time"], now, is_session=is_session)
        session_id = str(row["id"])
        if not is_session:
            return Identity(principal, scope=row["scope"])
        # Whoever signs in at the provider shows a second factor there, or need not.
        lacking = row["method"] == PASSWORD and not row["second_factor"]
        must_enrol = lacking and any(role["second_factor_required"] for role in roles)
        return Identity(principal, session_id, bool(row["must_change"]), must_enrol)

    async def _touch(self, key: uuid.UUID, last: datetime | None, now: datetime, *, is_session: bool) -> None:
        if last is not None and now - last < TOUCH:
            return
        async with self._database.unit() as work:
            await (store.touch_session if is_session else key_queries.touch_key)(work, key)


async def _principal(reader: Reader, row: Any, roles: list[Any]) -> Principal:
    keys = [row["branch_id"], *row["other_branch_ids"]]
    paths = {branch["id"]: branch["path"] for branch in await find_branches(reader, keys)}
    portal = row["kind"] == PORTAL
    return Principal(
        subject=str(row["user_id"]),
        kind="portal" if portal else "user",
        roles=tuple(RoleRef(str(role["id"]), role["version"]) for role in roles),
        branch_id=str(row["branch_id"]),
        branch_path=paths.get(row["branch_id"]),
        other_paths=tuple(paths[key] for key in row["other_branch_ids"] if key in paths),
        teams=tuple(str(key) for key in row["team_ids"]),
        party_id=str(row["customer_id"]) if portal else None,
    )
