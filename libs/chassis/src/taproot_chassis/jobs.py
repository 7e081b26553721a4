"""Scheduled work: one runner over all replicas, by lease."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from prometheus_client import Counter, Gauge

from taproot_base import telemetry
from taproot_base.context import Call, calling
from taproot_base.errors import AppError

if TYPE_CHECKING:
    from taproot_storage.database import Database, UnitOfWork

_runs = Counter("taproot_job_runs_total", "Runs of scheduled jobs", ["job", "result"])
_running = Gauge(
    "taproot_job_running_seconds", "How long the job has been at it; 0: it is not running", ["job"]
)
_last = Gauge("taproot_job_last_success_timestamp_seconds", "When the job last ended well", ["job"])

RETRY_SECONDS = 300.0
"""After this a job that failed runs again, even one that is due a few times a day only."""


@dataclass(frozen=True)
class Job:
    """`run` does what is due now and returns how much it did; it is called again at once while that is > 0."""

    name: str
    every_seconds: float
    run: Callable[[Database], Awaitable[int]]


async def run_for_ever(job: Job, database: Database, call: Callable[[], Call]) -> None:
    """Hold the lease `job:<name>` while running this."""
    for result in ("ok", "failed"):
        _runs.labels(job.name, result)  # at 0, so that the first failure is an increase
    while True:
        with calling(call()):
            done = await _run_once(job, database)
        if done is None:
            await asyncio.sleep(min(job.every_seconds, RETRY_SECONDS))
        elif not done:
            await asyncio.sleep(job.every_seconds)


async def _run_once(job: Job, database: Database) -> int | None:
    """How much was done; None when it failed."""
    begun, running = time.monotonic(), _running.labels(job.name)
    running.set_function(lambda: time.monotonic() - begun)
    try:
        with telemetry.span(f"job {job.name}", {telemetry.WRITE: False}):
            done = await job.run(database)
    except Exception:
        _runs.labels(job.name, "failed").inc()
        telemetry.logger.exception("job_failed", job=job.name)
        return None
    finally:
        running.set_function(lambda: 0.0)
    _runs.labels(job.name, "ok").inc()
    _last.labels(job.name).set(database.clock.now().timestamp())
    return done


async def run_each(
    database: Database, keys: Sequence[UUID], act: Callable[[UUID, UnitOfWork], Awaitable[None]]
) -> int:
    """Work on many records, each in a transaction of its own: one that fails holds up no other.

    How many were done; the next run tries the others again.
    """
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
