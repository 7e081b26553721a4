"""Scheduled work on quotes."""

from __future__ import annotations

import uuid

from sqlalchemy import bindparam, select
from sqlalchemy.orm import selectinload

from taproot_chassis.jobs import Job
from taproot_sales.quotes.model import CAN_EXPIRE, Quote
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

EXPIRY_BATCH = 100

_due = Statement(
    lambda: (
        select(Quote.id)
        .where(
            Quote.state.in_(CAN_EXPIRE),
            Quote.valid_until < bindparam("today"),
            unscoped(Quote, "the job that expires quotes"),
        )
        .limit(EXPIRY_BATCH)
    )
)


async def expire_quotes(database: Database) -> int:
    """Close what ran out, one transaction each."""
    async with database.reading() as reader:
        due = await reader.fetch(_due, today=reader.clock.now().date())
    for row in due:
        async with database.unit() as work:
            await _expire(row["id"], work)
    return len(due)


async def _expire(quote_id: uuid.UUID, work: UnitOfWork) -> None:
    statement = (
        select(Quote)
        .where(Quote.id == quote_id, unscoped(Quote, "the job that expires quotes"))
        .options(selectinload(Quote.lines))
        .with_for_update(of=Quote)
    )
    quote: Quote | None = await work.scalar(statement)
    if quote is not None and quote.state in CAN_EXPIRE:
        quote.expire(work.clock.now())


JOBS = (Job("quotes-expire", 300, expire_quotes),)
