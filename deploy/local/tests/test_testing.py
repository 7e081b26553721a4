"""The test servers themselves: shared, and gone when their users are."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from taproot_local.processes import ProcessRef, eventually
from taproot_local.provision import Administrator, Database
from taproot_local.testing import TestPostgres

USER = """
import sys, time
from taproot_local.testing import session_nats, session_postgres
with session_postgres() as server, session_nats() as nats:
    print(server.admin_url, nats, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def environment(tmp_path: Path, scratch: Path) -> dict[str, str]:
    """A test run of its own, in a temporary directory of its own."""
    return {**os.environ, "TMPDIR": str(scratch), "PYTEST_XDIST_TESTRUNUID": os.urandom(16).hex()}


async def user(environment: dict[str, str]) -> tuple[asyncio.subprocess.Process, list[str]]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", USER, stdin=pipe, stdout=pipe, env=environment
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().split()


def left_over(environment: dict[str, str]) -> list[psutil.Process]:
    mark = environment["TMPDIR"]
    return [found for found in psutil.process_iter() if _mentions(found, mark)]


def _mentions(process: psutil.Process, mark: str) -> bool:
    try:
        return any(mark in part for part in process.cmdline())
    except psutil.Error:
        return False


async def test_workers_share_servers_which_end_with_the_last(environment: dict[str, str]) -> None:
    (one, urls), (two, same) = await asyncio.gather(user(environment), user(environment))
    assert urls == same
    await one.communicate(b"")
    await asyncio.sleep(1)
    connection = await asyncpg.connect(urls[0])
    await connection.close()
    await two.communicate(b"")
    assert await asyncio.to_thread(eventually, lambda: not left_over(environment), 20)
    assert not list(Path(environment["TMPDIR"]).glob("*/*/server"))


async def test_a_killed_run_leaves_nothing(environment: dict[str, str]) -> None:
    process, _ = await user(environment)
    process.kill()
    await process.wait()
    assert await asyncio.to_thread(eventually, lambda: not left_over(environment), 20)


async def test_even_with_its_keepers_killed_the_next_run_clears_up(environment: dict[str, str]) -> None:
    process, _ = await user(environment)
    base = Path(environment["TMPDIR"])
    keepers = [ProcessRef.load(path) for path in base.glob("*/*/keeper.json")]
    assert len(keepers) == 2
    for keeper in keepers:
        assert keeper is not None
        keeper.send(signal.SIGKILL)
    process.kill()
    await process.wait()
    assert left_over(environment)
    process, _ = await user(environment | {"PYTEST_XDIST_TESTRUNUID": os.urandom(16).hex()})
    await process.communicate(b"")
    assert await asyncio.to_thread(eventually, lambda: not left_over(environment), 20)


class TestDatabases:
    async def test_templates_are_filled_once_and_copied(self, shared: TestPostgres) -> None:
        filled: list[str] = []

        def prepare(database: Database) -> None:
            filled.append(database.name)
            Administrator(database.owner_url).run("CREATE TABLE things AS SELECT 1 AS n;")

        key = f"t{os.getpid()}"
        copies = [shared.create_database("sales", shared.template("sales", prepare, key)) for _ in range(2)]
        assert len(filled) == 1
        for copy in copies:
            connection = await asyncpg.connect(copy.owner_url)
            assert await connection.fetchval("SELECT n FROM things") == 1
            await connection.close()
        assert copies[0].name != copies[1].name

    async def test_a_failed_filling_is_tried_again(self, shared: TestPostgres) -> None:
        def fail(_database: Database) -> None:
            raise RuntimeError("migration broken")

        with pytest.raises(RuntimeError):
            shared.template("sales", fail, f"f{os.getpid()}")
        assert shared.template("sales", lambda _: None, f"f{os.getpid()}").service == "sales"

    async def test_drop_takes_connected_sessions_along(self, shared: TestPostgres) -> None:
        database = shared.create_database("sales")
        connection = await asyncpg.connect(database.app_url)
        shared.drop_database(database)
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await asyncpg.connect(database.app_url)
        await connection.close()
