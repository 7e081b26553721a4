"""Use cases: asking for a mail, and choosing a password with the token it brought."""

from __future__ import annotations

from taproot_gateway.mails import queue
from taproot_gateway.mails.model import MailedTokenInvalid
from taproot_gateway.mails.queue import PASSWORD_CHANGED, PASSWORD_RESET
from taproot_gateway.sessions import attempts, store
from taproot_gateway.sessions.attempts import Limit
from taproot_gateway.sessions.model import SignInLocked
from taproot_gateway.sessions.passwords import Hasher
from taproot_gateway.sessions.policy import Policy
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import queries as users
from taproot_gateway.users.model import ACTIVE, names_of
from taproot_storage.database import Database

_PER_ADDRESS, _PER_LOGIN, _FIRST, _MOST = 30, 3, 60.0, 900.0


class Resets:
    def __init__(self, database: Database, hasher: Hasher, settings: GatewaySettings) -> None:
        self._database = database
        self._hasher = hasher
        self._policy = Policy(settings.password_min_length, settings.password_breach_file)

    async def request(self, login: str, address: str) -> None:
        """Does the same for everybody, known or not. Raises SignInLocked for the network address only."""
        await self._limit_address("reset-from", address)
        mailbox = Limit(f"reset-for:{attempts.hashed(login)}", _PER_LOGIN, _FIRST, _MOST)
        try:
            await attempts.require_free(self._database, [mailbox])
        except SignInLocked:
            return  # a mailbox is not flooded, and the one who asks is not told whose it is
        async with self._database.unit() as work:
            await queue.queue_mail(work, PASSWORD_RESET, login=login.strip())

    async def reset(self, token: str, new: str, address: str) -> None:
        """Raises MailedTokenInvalid, SignInLocked and what Policy raises."""
        await self._limit_address("mailed-token", address)
        async with self._database.reading() as reader:
            found = await queue.find_token(reader, token)
            user = await users.find_user(reader, found["user_id"]) if found is not None else None
        if user is None or user["state"] != ACTIVE:
            raise MailedTokenInvalid
        await self._policy.require(new, names_of(user), "new_password")
        digest = await self._hasher.hash(new)
        async with self._database.unit() as work:
            if not await queue.use_token(work, token):
                raise MailedTokenInvalid
            await store.put_password(work, user["id"], digest, must_change=False)
            await store.end_sessions(work, user["id"])
            await attempts.forget_name(work, user["user_name"])
            if found["kind"] == PASSWORD_RESET:
                await queue.queue_mail(work, PASSWORD_CHANGED, user_id=user["id"])

    async def _limit_address(self, what: str, address: str) -> None:
        await attempts.require_free(self._database, [Limit(f"{what}:{address}", _PER_ADDRESS, _FIRST, _MOST)])
