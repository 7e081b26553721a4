"""Scheduled work of leads: the feedback clock."""

from __future__ import annotations

from taproot_chassis.jobs import Job, run_each
from taproot_sales.leads import assigning, queries
from taproot_storage.database import Database


async def remind_owners(database: Database) -> int:
    """`lead.feedback_due_soon`, once per assignment."""
    due = await queries.to_remind(database, database.clock.now())
    return await run_each(database, due, assigning.remind)


async def recall_overdue(database: Database) -> int:
    """`lead.feedback_overdue` and `lead.recalled`; the lead goes to somebody else where there is one."""
    due = await queries.overdue(database, database.clock.now())
    return await run_each(database, due, assigning.recall)


JOBS = (
    Job("leads-remind", 60, remind_owners),
    Job("leads-recall", 60, recall_overdue),
)
