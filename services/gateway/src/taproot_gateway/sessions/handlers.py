"""Use cases of sessions. Passwords are judged between transactions, never inside one."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from taproot_base.context import current_call
from taproot_base.ids import new_id
from taproot_gateway.callers import credential_hash
from taproot_gateway.sessions import store
from taproot_gateway.sessions.model import CredentialsInvalid, NoSuchSession, PasswordWrong, SignInLocked
from taproot_gateway.sessions.passwords import Hasher, require_strong
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import queries as users
from taproot_gateway.users.model import ACTIVE, name_key
from taproot_storage.database import Database

TOKEN_PREFIX = "ts_"  # noqa: S105 - tells sessions from keys, is no secret


@dataclass(frozen=True)
class SignIn:
    user_name: str
    password: str
    address: str = ""
    agent: str = ""


@dataclass(frozen=True)
class SignedIn:
    session: dict[str, Any]
    """A row of the table `sessions`."""
    token: str
    must_change: bool


class SignIns:
    def __init__(self, database: Database, hasher: Hasher, settings: GatewaySettings) -> None:
        self._database = database
        self._hasher = hasher
        self._settings = settings

    async def sign_in(self, command: SignIn) -> SignedIn:
        """Raises CredentialsInvalid, SignInLocked."""
        await self._count(command.user_name, command.address)
        async with self._database.reading() as reader:
            user = await users.find_by_name(reader, name_key(command.user_name))
            credential = await store.find_credential(reader, user["id"]) if user is not None else None
        stored = credential["password_hash"] if credential is not None else None
        if not await self._hasher.verify(stored, command.password):
            raise CredentialsInvalid
        if user is None or credential is None or stored is None or user["state"] != ACTIVE:
            raise CredentialsInvalid
        fresh = await self._hasher.hash(command.password) if self._hasher.needs_rehash(stored) else ""
        return await self._open(user["id"], credential, command, fresh)

    async def change_password(self, current: str, new: str, session_id: uuid.UUID | None) -> None:
        """Of the caller. Raises PasswordWrong, SignInLocked, PasswordTooCommon."""
        user_id = uuid.UUID(current_call().principal.subject)
        async with self._database.reading() as reader:
            user = await users.own_record(reader, user_id)
            credential = await store.find_credential(reader, user_id)
        require_strong(new, user["user_name"], "new_password")
        await self._count(user["user_name"], "")
        if not await self._hasher.verify(credential["password_hash"] if credential else None, current):
            raise PasswordWrong
        digest = await self._hasher.hash(new)
        async with self._database.unit() as work:
            await store.put_password(work, user_id, digest, must_change=False)
            await store.end_sessions(work, user_id, but=session_id)
            await store.forget_attempts(work, user["user_name"])

    async def revoke(self, key: uuid.UUID) -> None:
        """A session of the caller. Raises NoSuchSession."""
        async with self._database.unit() as work:
            if not await store.end_session(work, uuid.UUID(current_call().principal.subject), key):
                raise NoSuchSession(key)

    async def _count(self, user_name: str, address: str) -> None:
        """In a transaction of its own: a failed attempt stays counted."""
        settings = self._settings
        lock = timedelta(minutes=settings.sign_in_lock_minutes)
        limits = [(store.attempts_key(user_name), settings.sign_in_attempts)]
        if address:
            limits.append((f"address:{address}", settings.sign_in_attempts_per_address))
        async with self._database.unit() as work:
            found = [await store.count_attempt(work, key, limit, lock) for key, limit in limits]
            now = work.clock.now()
        locked = [until for until in found if until is not None]
        if locked:
            raise SignInLocked((max(locked) - now).total_seconds())

    async def _open(self, user_id: uuid.UUID, credential: Any, command: SignIn, fresh: str) -> SignedIn:
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        async with self._database.unit() as work:
            now = work.clock.now()
            row = {
                "id": new_id(),
                "token_hash": credential_hash(token),
                "user_id": user_id,
                "create_time": now,
                "last_used_time": now,
                "expire_time": now + timedelta(hours=self._settings.session_hours),
                "ip_address": command.address[:64],
                "user_agent": command.agent[:200],
            }
            await store.add_session(work, row)
            await store.forget_attempts(work, command.user_name)
            if fresh:
                await store.put_password(work, user_id, fresh, must_change=credential["must_change"])
        return SignedIn(row, token, credential["must_change"])
