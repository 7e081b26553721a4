from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taproot_local.nats import Nats
from taproot_local.postgres import Postgres
from taproot_local.testing import TestPostgres, own_postgres, scratch_directory, session_postgres


@pytest.fixture(scope="session")
def shared() -> Iterator[TestPostgres]:
    """The server all tests share; nobody stops it."""
    with session_postgres() as server:
        yield server


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A running server of its own."""
    with own_postgres(durable=False) as server:
        yield server


@pytest.fixture
def nats() -> Iterator[Nats]:
    """A running server of its own, as `make up` has it."""
    with scratch_directory() as directory:
        server = Nats(directory / "nats")
        server.start()
        yield server
        server.destroy()


@pytest.fixture
def scratch() -> Iterator[Path]:
    with scratch_directory() as directory:
        yield directory
