"""Scheduled work of opportunities."""

from __future__ import annotations

from taproot_chassis.jobs import Job, run_each
from taproot_sales.opportunities import handlers, queries
from taproot_storage.database import Database


async def note_stalled(database: Database) -> int:
    """Deals that stayed in their stage too long raise `opportunity.stalled`, once per stay."""
    due = await queries.stalled_ids(database, database.clock.now())
    return await run_each(database, due, handlers.note_stall)


JOBS = (Job("opportunities-stalled", 60, note_stalled),)
