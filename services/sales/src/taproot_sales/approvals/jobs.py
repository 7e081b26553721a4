"""Scheduled work on approvals."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import selectinload

from taproot_chassis.jobs import Job
from taproot_sales.approvals.handlers import carry_out
from taproot_sales.approvals.model import Approval
from taproot_sales.approvals.rules import ApprovalState
from taproot_sales.approvals.subjects import SUBJECTS
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.visibility import unscoped

DEADLINE_BATCH = 100


async def miss_deadlines(database: Database) -> int:
    """Remind of or end what is past its deadline, one transaction each."""
    async with database.reading() as reader:
        due = await reader.fetch(_due(), now=reader.clock.now())
    for row in due:
        async with database.unit() as work:
            await _miss_deadline(row["id"], work)
    return len(due)


async def _miss_deadline(approval_id: uuid.UUID, work: UnitOfWork) -> None:
    statement = (
        select(Approval)
        .where(Approval.id == approval_id, _overdue(), unscoped(Approval, "the job of deadlines"))
        .options(selectinload(Approval.seats))
        .with_for_update(of=Approval)
    )
    approval: Approval | None = await work.scalar(statement, now=work.clock.now())
    if approval is not None and approval.miss_deadline(work.clock.now()):
        await carry_out(approval, SUBJECTS, work)


def _overdue() -> Any:
    return (
        (Approval.state == ApprovalState.PENDING)
        & Approval.overdue_noted.is_(False)
        & (Approval.deadline_time <= bindparam("now"))
    )


def _due() -> Any:
    return (
        select(Approval.id)
        .where(_overdue(), unscoped(Approval, "the job of deadlines"))
        .limit(DEADLINE_BATCH)
    )


JOBS = (Job("approvals-deadlines", 60, miss_deadlines),)
