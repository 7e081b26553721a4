"""The sealer of the audit: puts what is committed and in no block yet into the next one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import Gauge
from sqlalchemy import BigInteger, bindparam, delete, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_audit.chain import Block, Sign, plain, seal
from taproot_base import telemetry
from taproot_storage.idempotency import lock_key
from taproot_storage.schema import audit_blocks, audit_events, audit_unsealed
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

if TYPE_CHECKING:
    from taproot_storage.database import Database, Reader, UnitOfWork

BLOCK_SIZE = 500
ANCHOR_SECONDS = 60.0
_LOCK = lock_key("audit-seal")
_e, _b, _u = audit_events.c, audit_blocks.c, audit_unsealed.c
_numbers = bindparam("numbers", type_=ARRAY(BigInteger))

_head = Gauge("taproot_audit_head_block", "Number of the newest block of the audit")
_head_hash = Gauge("taproot_audit_head_hash_prefix", "First 48 bits of the newest block's hash, as a number")
_unsealed = Gauge("taproot_audit_unsealed", "Events of the audit that no block holds yet")
_oldest = Gauge("taproot_audit_oldest_unsealed_seconds", "Age of the oldest of them")

_waiting = Statement(lambda: select(_u.number).order_by(_u.number).limit(bindparam("most")))
_events = Statement(
    lambda: (
        select(audit_events)
        .where(_e.number == func.any(_numbers), unscoped(audit_events, "sealed for all"))
        .order_by(_e.number)
    )
)
_last = Statement(lambda: select(audit_blocks).order_by(_b.number.desc()).limit(1))
_insert = Statement(lambda: insert(audit_blocks).values({c.name: bindparam(c.name) for c in audit_blocks.c}))
_sealed = Statement(lambda: delete(audit_unsealed).where(_u.number == func.any(_numbers)))
_measure = Statement(
    lambda: select(
        func.count(_u.number),
        select(func.min(_e.time))
        .where(_e.number == select(func.min(_u.number)).scalar_subquery(), unscoped(audit_events, "measured"))
        .scalar_subquery(),
    )
)


class Sealer:
    """One for each service, under a lease; the transaction's lock keeps two apart all the same."""

    def __init__(self, service: str, sign: Sign) -> None:
        self._service = service
        self._sign = sign
        self._anchored = 0.0

    async def run(self, database: Database) -> int:
        """Job: seals one block; returns how many events it took when more are waiting."""
        async with database.unit([_LOCK]) as work:
            block = await self._seal(work)
        if block is None:
            return 0
        _head.set(block.number)
        _head_hash.set(int.from_bytes(block.hash[:6]))
        self._anchor(block)
        return len(block.numbers) if len(block.numbers) == BLOCK_SIZE else 0

    async def _seal(self, work: UnitOfWork) -> Block | None:
        numbers = [row["number"] for row in await work.fetch(_waiting, most=BLOCK_SIZE)]
        if not numbers:
            return None
        found = {row["number"]: plain(row) for row in await work.fetch(_events, numbers=numbers)}
        previous = await last_block(work, self._service)
        events = [found.get(number, number) for number in numbers]
        block = seal(self._service, previous, events, work.clock.now(), self._sign)
        await work.execute(_insert, **_row(block))
        await work.execute(_sealed, numbers=numbers)
        return block

    def _anchor(self, block: Block) -> None:
        """The head of the chain goes where the service's login cannot change it."""
        now = time.monotonic()
        if now - self._anchored >= ANCHOR_SECONDS:
            self._anchored = now
            telemetry.logger.info("audit_head", block=block.number, hash=block.hash.hex())


async def measure(reader: Reader) -> None:
    """How much waits for the sealer, and since when: told by every process, so that a sealer that is gone shows."""
    row = await reader.fetch_row(_measure)
    _unsealed.set(row[0])
    age = (reader.clock.now() - row[1]).total_seconds() if row[1] is not None else 0.0
    _oldest.set(max(age, 0.0))


async def last_block(reader: Reader, service: str) -> Block | None:
    row = await reader.fetch_row(_last)
    return None if row is None else block_of(row, service)


def block_of(row: Any, service: str) -> Block:
    said = plain(row) | {"numbers": tuple(row["numbers"])}
    return Block(service=service, **said)


async def events_numbered(reader: Reader, numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [plain(row) for row in await reader.fetch(_events, numbers=list(numbers))]


def _row(block: Block) -> dict[str, Any]:
    said = {name: value for name, value in vars(block).items() if name != "service"}
    return said | {"seal_time": datetime.fromisoformat(block.seal_time), "numbers": list(block.numbers)}
