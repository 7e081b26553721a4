"""Locks after failures: long enough to stop guessing, too short to keep the owner out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from taproot_base.clock import FakeClock
from taproot_gateway.sessions import attempts
from taproot_gateway.sessions.attempts import NAME_LOCK_MOST_SECONDS, Limit
from taproot_gateway.sessions.model import SignInLocked


class World:
    def __init__(self, harness: Any, clock: FakeClock) -> None:
        self.harness, self.clock = harness, clock

    async def wait_for(self, limit: Limit) -> float:
        """Seconds to wait; 0 when the attempt may be judged."""
        return await self._tried(attempts.require_free(self.harness.runtime.database, [limit]))

    async def sign_in(self, name: str, address: str) -> float:
        runtime = self.harness.runtime
        return await self._tried(attempts.count_sign_in(runtime.database, runtime.settings, name, address))

    async def _tried(self, attempt: Any) -> float:
        try:
            await attempt
        except SignInLocked as error:
            return error.retry_after
        return 0.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(start_service: Any) -> World:
    clock = FakeClock(datetime(2026, 3, 2, 8, tzinfo=UTC))
    return World(await start_service("gateway", clock=clock), clock)


async def test_each_lock_is_twice_as_long_up_to_the_limit_and_quiet_ends_it(world: World) -> None:
    limit = Limit("test", 3, 30.0, 200.0)
    waits = []
    for _ in range(3):
        assert await world.wait_for(limit) == 0
    for _ in range(5):
        waits.append(await world.wait_for(limit))
        assert await world.wait_for(limit) == waits[-1]  # trying while locked makes it no longer
        world.clock.advance(timedelta(seconds=waits[-1]))
        assert await world.wait_for(limit) == 0  # one attempt is judged between two locks
    assert waits == [30.0, 60.0, 120.0, 200.0, 200.0]
    world.clock.advance(timedelta(hours=2))
    assert [await world.wait_for(limit) for _ in range(4)] == [0, 0, 0, 30.0]


async def test_who_guesses_from_elsewhere_does_not_lock_the_owner_out(world: World) -> None:
    database = world.harness.runtime.database
    async with database.unit() as work:
        await attempts.remember_place(work, "owner", "10.0.0.5")
    for n in range(200):
        await world.sign_in("Owner", f"203.0.113.{n % 50}")
    assert await world.sign_in("owner", "203.0.113.200") > 0  # the name is locked for strangers
    assert await world.sign_in("OWNER", "10.0.0.5") == 0  # and free where its owner has been


async def test_even_a_new_place_waits_a_minute_at_most(world: World) -> None:
    for n in range(500):
        await world.sign_in("stranger", f"198.51.100.{n % 100}")
        world.clock.advance(timedelta(seconds=1))
    assert await world.sign_in("stranger", "10.0.0.9") <= NAME_LOCK_MOST_SECONDS


async def test_a_place_is_remembered_for_a_month(world: World) -> None:
    async with world.harness.runtime.database.unit() as work:
        await attempts.remember_place(work, "monthly", "10.0.0.5")
    world.clock.advance(timedelta(days=31))
    for n in range(60):
        await world.sign_in("monthly", f"192.0.2.{n}")
    assert await world.sign_in("monthly", "10.0.0.5") > 0


async def test_a_busy_office_is_not_locked_by_those_who_sign_in(world: World) -> None:
    database = world.harness.runtime.database
    for n in range(300):
        assert await world.sign_in(f"colleague-{n}", "10.20.0.1") == 0
        async with database.unit() as work:
            await attempts.remember_place(work, f"colleague-{n}", "10.20.0.1")
        if n % 10 == 0:  # somebody mistypes
            assert await world.sign_in(f"other-{n}", "10.20.0.1") == 0
        world.clock.advance(timedelta(seconds=2))


async def test_one_address_does_not_try_many_names(world: World) -> None:
    waits = [await world.sign_in(f"sprayed-{n}", "203.0.113.77") for n in range(130)]
    assert waits[:100] == [0.0] * 100
    assert all(waits[100:])
