"""Fixtures of the chassis' tests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from boxes import PATHS, Box, create_schema, encode

from taproot_base.access import AccessDirectory, Branch
from taproot_base.auth import Principal
from taproot_base.clock import SystemClock
from taproot_base.context import Call, calling
from taproot_chassis.bus import Bus
from taproot_local.testing import TestPostgres
from taproot_storage.database import Database
from taproot_storage.eventlog import EventLog


@pytest.fixture(scope="module")
def database_url(postgres: TestPostgres) -> Iterator[str]:
    made = postgres.create_database("chassis")
    asyncio.run(create_schema(made.owner_url))
    yield made.owner_url
    postgres.drop_database(made)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    found = await Database.open(database_url, clock=SystemClock(), log=EventLog({Box: encode}), pool_size=20)
    yield found
    await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    found = await Bus.connect(nats_url, "test")
    yield found
    await found.close()


@pytest.fixture(scope="module")
def directory() -> AccessDirectory:
    found = AccessDirectory()
    found.replace([], [Branch(str(uuid.uuid4()), path, "UTC") for path in PATHS])
    return found


@pytest.fixture
def as_system(directory: AccessDirectory) -> Iterator[Call]:
    with calling(Call(Principal.service("test"), directory)) as call:
        yield call
