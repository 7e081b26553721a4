"""Token buckets shared by all gateways: one row each in PostgreSQL, taken from in handfuls.

A gateway takes a handful at a time (a sixteenth of what is there) and spends it without asking again. What is taken is
gone from the row, so all gateways together never let more pass than the bucket holds. The handful gets smaller as
the bucket empties, so that little lies unused in a gateway that is not asked.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Double,
    Executable,
    Index,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from taproot_gateway.base import Base
from taproot_storage.database import Database
from taproot_storage.statements import Statement

HANDFULS = 16
_KEPT = "1 day"

# Unlogged: after a crash of the server every bucket is full, and until then a take costs no write-ahead log.
buckets = Table(
    "rate_buckets",
    Base.metadata,
    Column("key", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("refilled_at", DateTime(timezone=True), nullable=False),
    Index("ix_rate_buckets_refilled_at", "refilled_at"),
    prefixes=["UNLOGGED"],
)


class Taken(NamedTuple):
    tokens: int
    left: float
    """What is still in the row."""


def _take_statement() -> Executable:
    now = func.clock_timestamp()  # the server's clock: that of the gateways may differ
    size, rate, wanted = (cast(bindparam(name), Double) for name in ("size", "rate", "wanted"))

    def handful(there: ColumnElement[float]) -> ColumnElement[int]:
        return cast(
            func.least(func.floor(there), func.greatest(wanted, func.floor(there / HANDFULS))), BigInteger
        )

    first = handful(size)
    elapsed = func.greatest(0, func.extract("epoch", now - buckets.c.refilled_at))
    there = func.least(size, buckets.c.tokens + elapsed * rate)
    statement = insert(buckets).values(
        key=bindparam("key"), tokens=size - first, taken=first, refilled_at=now
    )
    return statement.on_conflict_do_update(
        index_elements=[buckets.c.key],
        set_={"tokens": there - handful(there), "taken": handful(there), "refilled_at": now},
    ).returning(buckets.c.taken, buckets.c.tokens)


_take = Statement(_take_statement)
_expire = Statement(
    lambda: delete(buckets).where(
        buckets.c.refilled_at < func.clock_timestamp() - text(f"interval '{_KEPT}'")
    )
)


async def take(database: Database, key: str, size: float, rate: float, wanted: int) -> Taken:
    """At least `wanted` tokens, more where there are many; fewer, down to none, where there are not enough.

    `size`: what the bucket holds when full. `rate`: tokens that come back each second.
    """
    async with database.reading() as reader:
        row = await reader.fetch_row(_take, key=key, size=size, rate=rate, wanted=float(wanted))
    return Taken(row[0], row[1])


async def expire(database: Database) -> int:
    """Buckets nobody took from for a day are full, as if they were not there."""
    async with database.unit() as work:
        await work.execute(_expire)
    return 0
