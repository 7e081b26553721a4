"""The event log may be rewritten through one door, and only for whom it was opened."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg
import pytest

from taproot_local.provision import Database
from taproot_local.testing import TestPostgres
from taproot_storage.erased import hash_of

WHEN = datetime.now(UTC)
INSERT = (
    "INSERT INTO event_log (occurred_at, id, aggregate_type, aggregate_id, version, type, payload, actor,"
    " traceparent, party_id) VALUES ($1, $2, 'a', $3, 1, 'a.b', 'before', 'x', '', $4)"
)
REWRITE = "SELECT rewrite_event($1, $2, 'after'::bytea)"


@pytest.fixture(scope="module")
def database(postgres: TestPostgres) -> Iterator[Database]:
    made = postgres.create_database("sales")
    environment = os.environ | {
        "TAPROOT_MIGRATION_DATABASE_URL": made.owner_url,
        "TAPROOT_DATABASE_URL": made.app_url,
    }
    subprocess.run(
        [sys.executable, "-m", "taproot_sales", "migrate"], env=environment, check=True, capture_output=True
    )
    yield made
    postgres.drop_database(made)


async def logged(app: asyncpg.Connection, aggregate: uuid.UUID, party: uuid.UUID | None) -> uuid.UUID:
    event = uuid.uuid4()
    await app.execute(INSERT, WHEN, event, aggregate, party)
    return event


async def payload(app: asyncpg.Connection, event: uuid.UUID) -> bytes:
    found: bytes = await app.fetchval("SELECT payload FROM event_log WHERE id = $1", event)
    return found


@pytest.mark.parametrize("named", ["party", "aggregate"])
async def test_events_of_the_erased_are_rewritten(database: Database, named: str) -> None:
    app = await asyncpg.connect(database.app_url)
    erased, other = uuid.uuid4(), uuid.uuid4()
    event = await logged(app, *((erased, None) if named == "aggregate" else (other, erased)))
    await app.execute("INSERT INTO erased_subjects VALUES ($1, now())", hash_of(erased))
    await app.execute(REWRITE, event, WHEN)
    assert await payload(app, event) == b"after"
    await app.close()


async def test_no_other_event_is(database: Database) -> None:
    app = await asyncpg.connect(database.app_url)
    event = await logged(app, uuid.uuid4(), uuid.uuid4())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(REWRITE, event, WHEN)
    assert await payload(app, event) == b"before"
    await app.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM erased_subjects",
        "UPDATE erased_subjects SET erase_time = now()",
        "UPDATE event_log SET payload = 'x'",
    ],
)
async def test_what_was_erased_is_not_forgotten(database: Database, statement: str) -> None:
    app = await asyncpg.connect(database.app_url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)
    await app.close()
