"""Tasks end, also those that miss a cancellation."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from taproot_base import tasks


async def misses(times: int, ended: list[int]) -> None:
    for _ in range(times):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
    try:
        await asyncio.sleep(60)
    finally:
        ended.append(times)


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_a_task_that_misses_cancellations_ends(times: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)
    ended: list[int] = []
    going = [asyncio.create_task(misses(times, ended)), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await tasks.end(going)
    assert ended == [times]
    assert all(task.done() for task in going)


async def test_what_had_ended_and_what_failed_is_no_hindrance():
    async def fails() -> None:
        raise ValueError

    going = [asyncio.create_task(fails()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0.01)
    await tasks.end(going)
    await tasks.end([])
