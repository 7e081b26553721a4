"""What the interceptor tells the audit.

A change writes its event with its own transaction (see taproot_storage.audit). What has none, refusals and
readings of sensitive fields, goes through a spool: bounded, flushed twice a second and when the service drains.
A reading that finds the spool full waits for it; when it cannot be written, the reading fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message
from prometheus_client import Counter, Gauge

from taproot_audit.sealing import measure
from taproot_base import telemetry
from taproot_base.audit import Category, Note, client_hash
from taproot_base.context import Call
from taproot_base.descriptors import MethodRule
from taproot_base.errors import AppError, Kind, Unavailable
from taproot_base.shown import shown
from taproot_storage import audit

if TYPE_CHECKING:
    from taproot_storage.database import Database

FLUSH_SECONDS = 0.5
MEASURE_SECONDS = 10.0
LONGEST_SECONDS = 10.0
"""A statement that waits for a lock longer than this has failed: it would be in nobody's figures else."""
MOST_SPOOLED = 2000
BATCH = 500
DENIED = (Kind.DENIED, Kind.UNAUTHENTICATED)

_written = Counter(
    "taproot_audit_events_total", "Events of the audit written past a transaction", ["category"]
)
_failures = Counter("taproot_audit_flush_failures_total", "Flushes of the audit's spool that failed")
_spooled = Gauge("taproot_audit_spooled", "Events of the audit not yet written to the database")


class AuditStalled(Unavailable):
    """What was to be shown could not be noted, so it is not shown."""

    reason = "AUDIT_STALLED"

    def __init__(self) -> None:
        super().__init__("the audit cannot be written; repeat the request later")


class Auditor:
    """One of a process. `secret` hashes addresses of clients, so that they can be told apart and not read."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret
        self._rows: list[audit.Event] = []
        self._turn = asyncio.Lock()
        _spooled.set_function(lambda: len(self._rows))

    def begin(self, call: Call, rule: MethodRule, request: Message, headers: Mapping[str, Any]) -> None:
        address = str(headers.get("x-client-address", ""))
        client = client_hash(self._secret, address) if address else ""
        call.note = Note(request, client, changes=rule.writes)

    async def served(self, call: Call, response: Message) -> None:
        """After masking: what is hidden from the caller was not shown."""
        note = call.note
        if note is None:
            return
        if note.changes:
            await self._changed(call, note)
            return
        records, fields = shown(response, call.directory.custom)
        if fields:
            await self._add(call, Category.READ, records={**note.records, **records}, fields=fields)

    async def _changed(self, call: Call, note: Note) -> None:
        """A change in no transaction of ours, such as in the store of blobs."""
        if note.written or getattr(note.request, "validate_only", False):
            return
        keys = {audit.named(note.request): None} if audit.named(note.request) else {}
        fields = audit.changed_fields(note.request)
        await self._add(call, Category.CHANGE, records={**keys, **note.records}, fields=dict.fromkeys(fields))
        await self._flush_or_fail()

    async def refused(self, call: Call, error: AppError) -> None:
        if not (error.audited or error.kind in DENIED):
            return
        note = call.note
        asked = audit.named(note.request) if note is not None else ""
        records = {**({asked: None} if asked else {}), **(note.records if note is not None else {})}
        await self._add(call, Category.REFUSAL, outcome=error.reason, records=records, fields={})

    async def _add(
        self,
        call: Call,
        category: Category,
        *,
        records: dict[str, None],
        fields: dict[str, None],
        outcome: str = audit.OK,
    ) -> None:
        now = self._database.clock.now()
        count = len(records) if category is Category.READ else 0
        self._rows.append(
            audit.event(
                call, now, category, outcome=outcome, records=records, fields=list(fields), count=count
            )
        )
        _written.labels(category.value).inc()
        if len(self._rows) >= MOST_SPOOLED:
            await self._flush_or_fail()

    async def _flush_or_fail(self) -> None:
        if not await self.flush():
            raise AuditStalled

    async def flush(self) -> bool:
        """Write what is spooled; False when that did not work and it is kept."""
        async with self._turn:
            try:
                while batch := self._rows[:BATCH]:
                    async with self._database.connection() as connection:
                        await connection.execute(audit.insertion(batch), timeout=LONGEST_SECONDS)
                    del self._rows[: len(batch)]
            except Exception as error:
                _failures.inc()
                telemetry.logger.warning("audit_flush_failed", error=type(error).__name__)
                return False
        return True

    async def run(self) -> None:
        """Flush and measure until cancelled."""
        measured = 0.0
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if self._rows:
                await self.flush()
            if time.monotonic() - measured > MEASURE_SECONDS:
                measured = time.monotonic()
                await self._measure()

    async def _measure(self) -> None:
        try:
            async with self._database.reading() as reader:
                await measure(reader)
        except Exception as error:
            telemetry.logger.warning("audit_measure_failed", error=type(error).__name__)
