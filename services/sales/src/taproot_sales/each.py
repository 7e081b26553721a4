"""Work on many records, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from taproot_chassis import telemetry
from taproot_chassis.database import Database, UnitOfWork
from taproot_chassis.errors import AppError

Act = Callable[[UUID, UnitOfWork], Awaitable[None]]


async def run_each(database: Database, keys: Sequence[UUID], act: Act) -> int:
    """How many were done. One that fails holds up no other; the next run tries it again."""
    done = 0
    for key in keys:
        try:
            async with database.unit() as work:
                await act(key, work)
        except AppError as error:
            telemetry.logger.warning("record_skipped", id=str(key), reason=error.reason)
        else:
            done += 1
    return done
