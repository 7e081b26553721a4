"""What waits is told by every process, also by one that works on nothing of it."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import Any

import pytest
from boxes import box
from prometheus_client import REGISTRY

from taproot_chassis import consumers, jobs
from taproot_chassis.consumers import Consumer, SubscriberKind, Subscription
from taproot_chassis.events import Event
from taproot_chassis.jobs import Job
from taproot_chassis.measuring import Measuring
from taproot_local.api import eventually


def sample(name: str, **labels: str) -> Any:
    return REGISTRY.get_sample_value(name, labels)


def seen(name: str, wanted: Any, **labels: str) -> Any:
    async def look() -> bool:
        return bool(wanted(sample(name, **labels) or 0))

    return eventually(look, 20, f"{name} {labels}")


@pytest.fixture
async def measured(database, bus, as_system):
    """A consumer of a stream, and what measures it; nobody runs the consumer."""
    held = asyncio.Event()

    async def handler(_event: Event, _work: Any) -> None:
        await held.wait()

    source = f"s{uuid.uuid4().hex[:8]}"
    subscription = Subscription("watch", source, ("box.*",), handler, SubscriberKind.REACTION)
    consumer = Consumer("test", subscription, database, bus, lambda: as_system)
    await bus.ensure_stream(source)
    return consumer, Measuring(database, bus, [consumer]), held


async def running(work: Any) -> Any:
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    return task


async def ended(task: Any) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def event(database: Any, source: str) -> Event:
    return Event(
        id=uuid.uuid4(), source=source, type="box.made", aggregate_id=uuid.uuid4(), version=1,
        occurred_at=database.clock.now().replace(year=2024, day=1), actor="system", party_id=None,
        branch_path=None, owner_id=None, traceparent="", payload=b"",
    )  # fmt: skip


async def test_a_backlog_of_any_length_without_a_relay(database, bus, as_system):
    """More than a relay takes at once, which is when nothing is published at all."""
    async with database.unit() as work:
        await work.add(*(box() for _ in range(600)))
    task = await running(Measuring(database, bus, []).run())
    try:
        await seen("taproot_outbox_backlog", lambda value: value >= 600)
        await seen("taproot_outbox_oldest_seconds", lambda value: value > 0)
    finally:
        await ended(task)


async def test_what_waits_for_a_consumer_and_what_it_holds(measured, database, bus, monkeypatch):
    monkeypatch.setattr("taproot_chassis.measuring.MEASURE_SECONDS", 0.05)
    monkeypatch.setattr(consumers, "HELD_SECONDS", 0.1)
    consumer, measuring, held = measured
    name = consumer.subscription.consumer
    assert sample("taproot_consumer_retries_total", consumer=name) == 0
    tasks = [await running(measuring.run()), await running(consumer.run())]
    try:
        for _ in range(3):
            one = event(database, consumer.subscription.source)
            await bus.jetstream.publish(one.subject, one.payload, headers=one.headers())
        await seen("taproot_consumer_lag", lambda value: value == 3, consumer=name)
        await seen("taproot_consumer_oldest_seconds", lambda value: value > 3600, consumer=name)
        held.set()
        await seen("taproot_consumer_lag", lambda value: value == 0, consumer=name)
        assert sample("taproot_consumer_oldest_seconds", consumer=name) == 0
    finally:
        for task in tasks:
            await ended(task)


class TestJobs:
    async def test_one_that_fails_is_tried_again_soon(self, database, as_system, monkeypatch):
        """Else a job of a few times a day could not be seen to go on failing."""
        monkeypatch.setattr(jobs, "RETRY_SECONDS", 0.01)

        async def broken(_database: Any) -> int:
            raise ValueError

        job = Job("sometimes", 3600, broken)
        task = asyncio.ensure_future(jobs.run_for_ever(job, database, lambda: as_system))
        try:
            await seen("taproot_job_runs_total", lambda value: value > 2, job="sometimes", result="failed")
            assert sample("taproot_job_runs_total", job="sometimes", result="ok") == 0
        finally:
            await ended(task)

    async def test_one_that_does_not_end_says_for_how_long(self, database, as_system):
        async def endless(_database: Any) -> int:
            await asyncio.sleep(3600)
            return 0

        job = Job("endless", 1, endless)
        task = asyncio.ensure_future(jobs.run_for_ever(job, database, lambda: as_system))
        await seen("taproot_job_running_seconds", lambda value: value > 0.01, job="endless")
        await ended(task)
        assert sample("taproot_job_running_seconds", job="endless") == 0
