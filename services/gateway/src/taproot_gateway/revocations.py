"""What was revoked in one gateway is known to all within seconds: PostgreSQL's NOTIFY, sent with the commit.

While a gateway cannot listen it remembers callers for hardly longer than a moment.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import asyncpg
from sqlalchemy import Text, bindparam, func, select

from taproot_base import telemetry
from taproot_gateway.callers import REMEMBER_SECONDS, Callers
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.statements import Statement

CHANNEL = "taproot_principals"
BLIND_SECONDS = 1.0
"""How long a caller is remembered while nobody could tell us better."""
_HEARTBEAT_SECONDS = 1.0
_RETRY_SECONDS = 0.5
_CONNECT_SECONDS = 5.0
_FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)

Listener = Callable[[str], None]
"""Called with the id of a user whose rights, sessions or keys have changed or ended; with an empty text when that
may be true of anybody. Whoever serves a caller for long (a stream of events) then asks `Callers.find` again."""

_announce = Statement(lambda: select(func.pg_notify(CHANNEL, bindparam("user_id", type_=Text))))


async def announce(work: UnitOfWork, user_id: uuid.UUID | None) -> None:
    """Heard by every gateway when the transaction commits, by nobody when it does not. None: anybody may be meant."""
    await work.fetch_value(_announce, user_id=str(user_id or ""))


class Revocations:
    def __init__(self, database: Database, callers: Callers) -> None:
        self._database = database
        self._callers = callers
        self._listeners: list[Listener] = []
        callers.remember_seconds = BLIND_SECONDS

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Answers the function that ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except _FAILURES as error:
                telemetry.logger.warning("revocations_unheard", error=type(error).__name__)
            finally:
                self._callers.remember_seconds = BLIND_SECONDS
                self._tell("")
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection: Any = await self._database.connect_direct()
        try:
            await connection.add_listener(CHANNEL, lambda *heard: self._tell(str(heard[-1])))
            self._tell("")  # whatever was said before
            self._callers.remember_seconds = REMEMBER_SECONDS
            while True:
                await asyncio.sleep(_HEARTBEAT_SECONDS)
                await connection.fetchval("SELECT 1", timeout=_HEARTBEAT_SECONDS)
        finally:
            connection.terminate()

    def _tell(self, user_id: str) -> None:
        if user_id:
            self._callers.forget_user(user_id)
        else:
            self._callers.forget_all()
        for listener in list(self._listeners):
            listener(user_id)
