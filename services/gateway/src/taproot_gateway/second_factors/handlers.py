"""Use cases of second factors."""

from __future__ import annotations

import uuid
from typing import Any

from taproot_gateway.revocations import announce
from taproot_gateway.roles.queries import find_roles
from taproot_gateway.sealing import SealBroken, Sealer
from taproot_gateway.second_factors import codes, queries
from taproot_gateway.second_factors.model import (
    CodeWrong,
    SecondFactorExists,
    SecondFactorNotBegun,
    SecondFactorRequired,
)
from taproot_gateway.sessions import attempts, store
from taproot_gateway.sessions.attempts import Limit
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import queries as users
from taproot_storage.database import Database, Reader, UnitOfWork

ISSUER = "Taproot"


class SecondFactors:
    def __init__(self, database: Database, settings: GatewaySettings) -> None:
        self._database = database
        self._settings = settings
        self._sealer = Sealer.of(settings)

    async def count(self, user_id: uuid.UUID) -> None:
        """Before a code is judged. Raises SignInLocked."""
        settings = self._settings
        first, most = settings.sign_in_lock_seconds, settings.sign_in_lock_most_seconds
        limit = Limit(_key(user_id), settings.sign_in_attempts, first, most)
        await attempts.require_free(self._database, [limit])

    async def accept(self, work: UnitOfWork, user_id: uuid.UUID, code: str) -> bool:
        """Takes a code of the authenticator or for recovery: each only once."""
        if codes.is_timed(code):
            taken = await self._accept_timed(work, user_id, code)
        else:
            taken = await queries.use_recovery_code(work, user_id, code)
        if taken:
            await attempts.forget_key(work, _key(user_id))
        return taken

    async def enrol(self, user_id: uuid.UUID) -> tuple[str, str]:
        """The secret and its address. Raises SecondFactorExists."""
        secret = codes.new_secret()
        sealed = self._sealer.seal(secret.encode(), str(user_id))
        async with self._database.unit() as work:
            user = await users.own_record(work, user_id)
            if not await queries.put_factor(work, user_id, sealed):
                raise SecondFactorExists
        return secret, codes.address(secret, user["user_name"], ISSUER)

    async def confirm(self, user_id: uuid.UUID, session_id: uuid.UUID, code: str) -> list[str]:
        """New recovery codes. Raises CodeWrong, SecondFactorNotBegun, SignInLocked."""
        await self.count(user_id)
        made = codes.new_recovery_codes()
        async with self._database.unit() as work:
            factor = await queries.find_factor(work, user_id)
            if factor is None or factor["confirm_time"] is not None:
                raise SecondFactorNotBegun
            if not await self._accept_timed(work, user_id, code):
                raise CodeWrong
            if not await queries.confirm_factor(work, user_id):
                raise SecondFactorNotBegun
            await queries.put_recovery_codes(work, user_id, made)
            await queries.mark_session(work, user_id, session_id)
            await store.end_sessions(work, user_id, but=session_id)
            await attempts.forget_key(work, _key(user_id))
        return made

    async def renew_recovery_codes(self, user_id: uuid.UUID, code: str) -> list[str]:
        await self.count(user_id)
        made = codes.new_recovery_codes()
        async with self._database.unit() as work:
            await self._require(work, user_id, code)
            await queries.put_recovery_codes(work, user_id, made)
        return made

    async def remove(self, user_id: uuid.UUID, code: str) -> None:
        """Raises SecondFactorRequired as well."""
        await self.count(user_id)
        async with self._database.unit() as work:
            user = await users.own_record(work, user_id)
            if await is_required(work, user["role_ids"]):
                raise SecondFactorRequired
            await self._require(work, user_id, code)
            await queries.remove_factor(work, user_id)
            await announce(work, user_id)

    async def _require(self, work: UnitOfWork, user_id: uuid.UUID, code: str) -> None:
        factor = await queries.find_factor(work, user_id)
        if factor is None or factor["confirm_time"] is None:
            raise SecondFactorNotBegun
        if not await self.accept(work, user_id, code):
            raise CodeWrong

    async def _accept_timed(self, work: UnitOfWork, user_id: uuid.UUID, code: str) -> bool:
        factor = await queries.find_factor(work, user_id)
        if factor is None:
            return False
        step = codes.step_of(self._secret(factor), code, work.clock.now())
        return step is not None and await queries.take_step(work, user_id, step)

    def _secret(self, factor: Any) -> str:
        try:
            return self._sealer.open(factor["secret_sealed"], str(factor["user_id"])).decode()
        except SealBroken as error:
            raise RuntimeError(
                "a second factor is sealed with a key that is not among the sealing keys"
            ) from error


async def is_required(reader: Reader, role_ids: list[uuid.UUID]) -> bool:
    return any(role["second_factor_required"] for role in await find_roles(reader, role_ids))


def _key(user_id: uuid.UUID) -> str:
    return f"second-factor:{user_id}"
