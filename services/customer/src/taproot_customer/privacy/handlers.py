"""Use cases of exporting and erasing one person."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from taproot_base.context import current_call
from taproot_base.ids import new_id
from taproot_chassis import operations
from taproot_chassis.placement import caller_branch, caller_id
from taproot_customer.exports.model import Export
from taproot_customer.privacy import queries
from taproot_customer.privacy.model import BeingErased, Erasure
from taproot_storage.database import Database, UnitOfWork

ERASE, EXPORT = "erasure", "personal-data-export"
ARCHIVE = "archive"


@dataclass(frozen=True)
class EraseCustomer:
    customer_id: uuid.UUID
    reason: str
    forced: bool


async def request_erasure(command: EraseCustomer, work: UnitOfWork) -> Erasure:
    row = await queries.survivor(work, command.customer_id)
    if await queries.running(work, row["id"]):
        raise BeingErased
    key = new_id()
    operation = await operations.start(work, ERASE, str(key), {})
    found = Erasure.request(
        key,
        {
            "customer_id": row["id"],
            "reason": command.reason,
            "forced": command.forced,
            "operation_id": operation,
            "owner_id": caller_id(),
            "branch_id": row["branch_id"],
            "branch_path": row["branch_path"],
        },
        work.clock.now(),
    )
    await work.add(found)
    return found


async def request_archive(customer: uuid.UUID, work: UnitOfWork) -> Export:
    """An export like any other, but of one customer and everything."""
    row = await queries.survivor(work, customer)
    key = new_id()
    operation = await operations.start(work, EXPORT, str(key), {"customer_id": str(row["id"])})
    values: dict[str, Any] = {
        "display_name": "personal data",
        "file_format": ARCHIVE,
        "filter": f'id = "{row["id"]}"',
        "operation_id": operation,
        "owner_id": caller_id(),
        "branch_id": caller_branch(),
        "branch_path": current_call().principal.branch_path or "",
    }
    found = Export.create(key, values, work.clock.now())
    await work.add(found)
    return found


async def resume(database: Database) -> int:
    """Job: an erasure goes on whatever became of its operation or of who asked."""
    async with database.unit() as work:
        for key in await queries.abandoned(work):
            found: Erasure = await work.scalar(queries.for_run(key))
            found.operation_id = await operations.start(work, ERASE, str(key), {})
    return 0
