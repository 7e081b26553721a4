"""Fixtures for all tests: real PostgreSQL and NATS, and any service running in this process."""

from __future__ import annotations

import importlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic_settings import BaseSettings

from taproot_chassis.service import Definition
from taproot_local.keys import ensure_keys
from taproot_local.nats import Nats
from taproot_local.processes import FIRST_PORT, LAST_PORT
from taproot_local.provision import Database
from taproot_local.testing import TestPostgres, scratch_directory, session_postgres
from taproot_testkit import Harness

# Nobody forks without starting another program, and gRPC's own work in the child has broken it before it got there.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

# Workers start servers at the same time, and a port found free by one may be found free by another.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    size = (LAST_PORT + 1 - FIRST_PORT) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    first = FIRST_PORT + int(worker.removeprefix("gw")) * size
    os.environ["TAPROOT_LOCAL_PORTS"] = f"{first}-{first + size - 1}"
SIGNERS = {name: name for name in ("customer", "sales", "servicedesk", "marketing")} | {"gateway": "identity"}
StartService = Callable[..., Awaitable[Harness]]
WHOLE = Path(__file__).parent / "tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no worker is left with one when the others have nothing to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, not item.path.is_relative_to(WHOLE)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestPostgres]:
    with session_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def keys() -> Iterator[Path]:
    with scratch_directory() as directory:
        ensure_keys(directory, SIGNERS)
        yield directory


@pytest.fixture(scope="module")
def nats_url() -> Iterator[str]:
    """A NATS of the module's own, so that streams of one name never meet."""
    with scratch_directory() as directory:
        server = Nats(directory / "nats", durable=False)
        server.start()
        try:
            yield server.url
        finally:
            server.destroy()


def definition_of(service: str) -> Definition:
    found: Definition = importlib.import_module(f"taproot_{service}.main").DEFINITION
    return found


def migrated_database(postgres: TestPostgres, service: str) -> Database:
    """A fresh copy of the service's migrated database."""

    def migrate(database: Database) -> None:
        import subprocess
        import sys

        environment = {
            "TAPROOT_MIGRATION_DATABASE_URL": database.owner_url,
            "TAPROOT_DATABASE_URL": database.app_url,
            "TAPROOT_DATABASE_ROW_SECURITY": os.environ.get("TAPROOT_DATABASE_ROW_SECURITY", "off"),
        }
        command = [sys.executable, "-m", f"taproot_{service}", "migrate"]
        done = subprocess.run(  # noqa: S603  # our own module
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-4000:]

    template = postgres.template(service, migrate)
    return postgres.create_database(service, template)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def start_service(
    postgres: TestPostgres, nats_url: str, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[StartService]:
    """A function that starts a service in this process and gives its Harness; all are stopped with the module."""
    async with AsyncExitStack() as stack:

        async def start(service: str, clock: Any = None, **settings: Any) -> Harness:
            definition = definition_of(service)
            database = migrated_database(postgres, service)
            values = {
                "database_url": database.app_url,
                "nats_url": nats_url,
                "keys_dir": keys / service,
                "blob_dir": tmp_path_factory.mktemp("blobs"),
                "drain_seconds": 0.1,
            }
            made: BaseSettings = definition.settings(**(values | settings))
            harness = Harness(definition, made, keys / "gateway", clock)
            return await stack.enter_async_context(harness)

        yield start
