"""Use cases of sessions. Passwords are judged between transactions, never inside one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from taproot_base.context import about, current_call
from taproot_gateway.mails.queue import PASSWORD_CHANGED, drop_tokens, queue_mail
from taproot_gateway.second_factors.handlers import SecondFactors
from taproot_gateway.second_factors.model import SecondFactorWrong
from taproot_gateway.second_factors.queries import (
    challenged_user,
    find_factor,
    make_challenge,
    use_challenge,
)
from taproot_gateway.sessions import attempts, store
from taproot_gateway.sessions.attempts import Limit
from taproot_gateway.sessions.model import (
    CredentialsInvalid,
    NoSuchSession,
    PasswordUnchanged,
    PasswordWrong,
)
from taproot_gateway.sessions.opening import PASSWORD, Origin, open_session
from taproot_gateway.sessions.passwords import Hasher
from taproot_gateway.sessions.policy import Policy
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import queries as users
from taproot_gateway.users.model import ACTIVE, name_key, names_of
from taproot_storage.database import Database, UnitOfWork


@dataclass(frozen=True)
class SignIn:
    user_name: str
    password: str = field(repr=False)
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True)
class SignedIn:
    session: dict[str, Any]
    """A row of the table `sessions`."""
    token: str = field(repr=False)
    must_change: bool


@dataclass(frozen=True)
class Challenged:
    """The password was right; a second factor is asked for."""

    challenge: str = field(repr=False)


class SignIns:
    def __init__(
        self, database: Database, hasher: Hasher, factors: SecondFactors, settings: GatewaySettings
    ) -> None:
        self._factors = factors
        self._database = database
        self._hasher = hasher
        self._settings = settings
        self._policy = Policy(settings.password_min_length, settings.password_breach_file)

    async def sign_in(self, command: SignIn) -> SignedIn | Challenged:
        """Raises CredentialsInvalid, SignInLocked."""
        address = command.origin.address
        await attempts.count_sign_in(self._database, self._settings, command.user_name, address)
        async with self._database.reading() as reader:
            user = await users.find_by_name(reader, name_key(command.user_name))
            credential = await store.find_credential(reader, user["id"]) if user is not None else None
        about(user["id"] if user is not None else None)
        stored = credential["password_hash"] if credential is not None else None
        if not await self._hasher.verify(stored, command.password):
            raise CredentialsInvalid
        if user is None or credential is None or stored is None or user["state"] != ACTIVE:
            raise CredentialsInvalid
        fresh = await self._hasher.hash(command.password) if self._hasher.needs_rehash(stored) else ""
        async with self._database.unit() as work:
            if fresh:
                await store.put_password(work, user["id"], fresh, must_change=credential["must_change"])
            factor = await find_factor(work, user["id"])
            if factor is not None and factor["confirm_time"] is not None:
                return Challenged(await make_challenge(work, user["id"]))
            return await self._open(work, user, credential, command.origin, second_factor=False)

    async def verify(self, challenge: str, code: str, origin: Origin) -> SignedIn:
        """The second half of a sign-in. Raises SecondFactorWrong, SignInLocked."""
        async with self._database.reading() as reader:
            user_id = await challenged_user(reader, challenge)
        if user_id is None:
            raise SecondFactorWrong
        about(user_id)
        await self._factors.count(user_id)
        async with self._database.unit() as work:
            user = await users.find_user(work, user_id)
            credential = await store.find_credential(work, user_id)
            if user is None or credential is None or user["state"] != ACTIVE:
                raise SecondFactorWrong
            if not (await self._factors.accept(work, user_id, code) and await use_challenge(work, challenge)):
                raise SecondFactorWrong
            return await self._open(work, user, credential, origin, second_factor=True)

    async def change_password(self, current: str, new: str, session_id: uuid.UUID | None) -> None:
        """Of the caller. Raises PasswordWrong, PasswordUnchanged, SignInLocked and what Policy raises."""
        user_id = uuid.UUID(current_call().principal.subject)
        async with self._database.reading() as reader:
            user = await users.own_record(reader, user_id)
            credential = await store.find_credential(reader, user_id)
        await self._policy.require(new, names_of(user), "new_password")
        await self.verify_own_password(user_id, credential, current)
        if new == current:
            raise PasswordUnchanged("new_password")
        digest = await self._hasher.hash(new)
        async with self._database.unit() as work:
            await store.put_password(work, user_id, digest, must_change=False)
            await store.end_sessions(work, user_id, but=session_id)
            await drop_tokens(work, user_id)
            await attempts.forget_name(work, user["user_name"])
            await attempts.forget_key(work, _own_key(user_id))
            await queue_mail(work, PASSWORD_CHANGED, user_id=user_id)

    async def verify_own_password(self, user_id: uuid.UUID, credential: Any, password: str) -> None:
        """Of somebody who is signed in. Raises PasswordWrong, SignInLocked."""
        settings = self._settings
        first, most = settings.sign_in_lock_seconds, settings.sign_in_lock_most_seconds
        limit = Limit(_own_key(user_id), settings.sign_in_attempts, first, most)
        await attempts.require_free(self._database, [limit])
        if not await self._hasher.verify(credential["password_hash"] if credential else None, password):
            raise PasswordWrong

    async def revoke(self, key: uuid.UUID) -> None:
        """A session of the caller. Raises NoSuchSession."""
        async with self._database.unit() as work:
            if not await store.end_session(work, uuid.UUID(current_call().principal.subject), key):
                raise NoSuchSession(key)

    async def revoke_all(self, keep: uuid.UUID | None) -> None:
        """Every session of the caller, but the one to keep."""
        async with self._database.unit() as work:
            await store.end_sessions(work, uuid.UUID(current_call().principal.subject), but=keep)

    async def _open(
        self, work: UnitOfWork, user: Any, credential: Any, origin: Origin, *, second_factor: bool
    ) -> SignedIn:
        row, token = await open_session(
            work, user["id"], origin, self._settings, method=PASSWORD, second_factor=second_factor
        )
        await attempts.remember_place(work, user["user_name"], origin.address)
        return SignedIn(row, token, credential["must_change"])


def _own_key(user_id: uuid.UUID) -> str:
    return f"own-password:{user_id}"
