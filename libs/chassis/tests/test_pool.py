"""The connection pool: never more than its size, never a connection in an unknown state."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from taproot_storage.pool import IDLE_SECONDS, Pool


@pytest.fixture
def pool(database) -> Pool:
    async def connect() -> Any:
        return await asyncpg.connect(database.direct_url)

    return Pool(connect, 2)


@pytest.fixture(autouse=True)
async def closed_at_the_end(pool):
    yield
    await pool.close()


class TestAcquire:
    async def test_uses_the_last_one_again(self, pool):
        first = await pool.acquire(5)
        pool.release(first)
        assert await pool.acquire(5) is first
        pool.release(first)

    async def test_waits_for_a_place_and_gives_up(self, pool):
        first, second = await pool.acquire(5), await pool.acquire(5)
        with pytest.raises(TimeoutError):
            await pool.acquire(0.05)
        waiting = asyncio.ensure_future(pool.acquire(5))
        await asyncio.sleep(0)
        pool.release(first)
        assert await waiting is first
        pool.release(first)
        pool.release(second)

    async def test_one_that_gave_up_leaves_its_place_to_the_next(self, pool):
        first, second = await pool.acquire(5), await pool.acquire(5)
        gone, waiting = (asyncio.ensure_future(pool.acquire(5)) for _ in range(2))
        await asyncio.sleep(0)
        pool.release(first)
        gone.cancel()
        assert await asyncio.wait_for(waiting, 1) is first
        assert gone.cancelled()
        pool.release(first)
        pool.release(second)

    async def test_never_has_more_than_its_size(self, pool):
        used, most = 0, 0

        async def borrow() -> None:
            nonlocal used, most
            connection = await pool.acquire(5)
            used += 1
            most = max(most, used)
            await connection.fetchval("SELECT 1")
            used -= 1
            pool.release(connection)

        await asyncio.gather(*(borrow() for _ in range(50)))
        assert most <= 2

    async def test_a_failure_to_connect_gives_the_place_back(self, database):
        async def refuse() -> Any:
            raise OSError("refused")

        pool = Pool(refuse, 1)
        for _ in range(3):
            with pytest.raises(OSError, match="refused"):
                await pool.acquire(1)


class TestRelease:
    async def test_a_closed_connection_is_replaced(self, pool):
        first = await pool.acquire(5)
        first.terminate()
        pool.release(first)
        second = await pool.acquire(5)
        assert await second.fetchval("SELECT 1") == 1
        pool.release(second)

    async def test_an_open_transaction_is_never_handed_on(self, pool):
        first = await pool.acquire(5)
        await first.execute("BEGIN")
        pool.release(first)
        second = await pool.acquire(5)
        assert second is not first
        assert not second.is_in_transaction()
        pool.release(second)

    async def test_a_cancelled_query_does_not_disturb_the_next_borrower(self, pool):
        first = await pool.acquire(5)
        sleeping = asyncio.ensure_future(first.fetchval("SELECT pg_sleep(20)"))
        await asyncio.sleep(0.05)
        sleeping.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)
        pool.release(first)
        again = await pool.acquire(5)
        assert await asyncio.wait_for(again.fetchval("SELECT 7"), 5) == 7
        pool.release(again)

    async def test_idle_ones_are_closed(self, pool, monkeypatch):
        first, second = await pool.acquire(5), await pool.acquire(5)
        pool.release(first)
        later = asyncio.get_running_loop().time() + IDLE_SECONDS + 1
        monkeypatch.setattr("taproot_storage.pool.time.monotonic", lambda: later)
        pool.release(second)
        assert first.is_closed()
        assert not second.is_closed()
