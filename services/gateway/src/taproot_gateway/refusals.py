"""What the doors refuse before any service is called, as events of the audit: guessed credentials, requests of other sites.

An attacker decides how many of these there are, so they are gathered: one event a minute for each reason, caller and
address, with the count of refusals since the one before. The first of a kind is written at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncpg

from taproot_base import telemetry
from taproot_base.access import AccessDirectory
from taproot_base.audit import Category, Note, client_hash
from taproot_base.auth import Principal
from taproot_base.context import Call
from taproot_base.errors import AppError
from taproot_storage import audit
from taproot_storage.database import Database

CREDENTIAL_INVALID = "CREDENTIAL_INVALID"
"""A token, key or cookie that is unknown, expired, revoked, forged or of another scope."""
FLUSH_SECONDS = 0.5
GATHER_SECONDS = 60.0
MOST_KINDS = 5_000
"""Kinds told apart at a time. Beyond it, those of one reason count as one, with nobody's name or address."""
LONGEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What is told apart."""

    reason: str
    method: str
    client: str
    subject: str


@dataclass(slots=True)
class _Gathered:
    call: Call
    count: int
    due: float


class Refusals:
    """One of a process. `secret` hashes addresses, as the services do, so that one client is the same everywhere."""

    def __init__(
        self,
        database: Database,
        directory: AccessDirectory,
        secret: bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._directory = directory
        self._secret = secret
        self._clock = clock
        self._gathered: dict[Kind, _Gathered] = {}

    def note(self, reason: str, method: str, address: str, principal: Principal | None = None) -> None:
        """`method`: the RPC's full name, or what is called instead, such as `scim GET`."""
        who = principal or Principal.anonymous()
        client = client_hash(self._secret, address) if address else ""
        kind = Kind(reason, method, client, who.subject)
        if kind not in self._gathered and len(self._gathered) >= MOST_KINDS:
            who, client = Principal.anonymous(), ""
            kind = Kind(reason, "", "", who.subject)
        known = self._gathered.get(kind)
        if known is not None:
            known.count += 1
            return
        call = Call(who, self._directory, method=kind.method, note=Note(client=client))
        self._gathered[kind] = _Gathered(call, 1, self._clock())

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self, *, everything: bool = False) -> None:
        """Write what is due; what cannot be written is kept and counted on."""
        now = self._clock()
        due = {
            kind: one.count
            for kind, one in self._gathered.items()
            if one.count and (everything or one.due <= now)
        }
        if due and not await self._written(due):
            return
        for kind, count in due.items():
            self._gathered[kind].count -= count
            self._gathered[kind].due = now + GATHER_SECONDS
        silent = [kind for kind, one in self._gathered.items() if not one.count and one.due <= now]
        for kind in silent:
            del self._gathered[kind]

    async def _written(self, counts: Mapping[Kind, int]) -> bool:
        now = self._database.clock.now()
        events = [
            audit.event(self._gathered[kind].call, now, Category.REFUSAL, outcome=kind.reason, count=count)
            for kind, count in counts.items()
        ]
        try:
            async with self._database.connection() as connection:
                await connection.execute(audit.insertion(events), timeout=LONGEST_SECONDS)
        except (AppError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            telemetry.logger.warning("refusals_not_written", error=type(error).__name__)
            return False
        return True
