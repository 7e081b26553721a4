"""The migrated schema of every service is what its mapped classes say, and its app login can do no more."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime

import asyncpg
import pytest

from taproot_storage.visibility import ScopeRule

READ_BY_KEY = {"customer_refs"}  # a projection that no list shows
SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")
_CHECK = """
from alembic import command
from alembic.config import Config
from {module}.main import DEFINITION
config = Config()
config.set_main_option("script_location", str(DEFINITION.migrations))
command.check(config)
"""


@pytest.fixture(params=SERVICES)
def migrated(request, postgres):
    """A migrated database of each service."""
    database = postgres.create_database(request.param)
    environment = os.environ | {
        "TAPROOT_MIGRATION_DATABASE_URL": database.owner_url,
        "TAPROOT_DATABASE_URL": database.app_url,
    }
    command = [sys.executable, "-m", f"taproot_{request.param}", "migrate"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    yield request.param, database, environment
    postgres.drop_database(database)


def test_models_and_migrations_agree(migrated):
    service, _database, environment = migrated
    code = _CHECK.format(module=f"taproot_{service}")
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def test_the_app_login_reads_and_writes_rows_only(migrated):
    _service, database, _environment = migrated

    async def scenario() -> None:
        owner = await asyncpg.connect(database.owner_url)
        now = datetime.now(UTC)
        await owner.execute(
            "INSERT INTO event_log (occurred_at, id, aggregate_type, aggregate_id, version, type, payload, actor,"
            " traceparent) VALUES ($1, $2, 'a', $2, 1, 'a.b', '', 'x', '')",
            now,
            uuid.uuid4(),
        )
        app = await asyncpg.connect(database.app_url)
        assert await app.fetchval("SELECT count(*) FROM event_log") == 1
        await app.execute("UPDATE event_log SET published_at = now()")
        await app.execute("SELECT create_partition('event_log', $1)", now)
        for statement in (
            "UPDATE event_log SET payload = 'x'",
            "DELETE FROM event_log",
            f"UPDATE event_log_p{now:%Y%m} SET payload = 'x'",
            f"DELETE FROM event_log_p{now:%Y%m}",
            "CREATE TABLE mine (id int)",
            "DROP TABLE inbox",
            "ALTER TABLE inbox ADD COLUMN more int",
            "DELETE FROM alembic_version",
            "SELECT create_partition('idempotency', now())",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await app.execute(statement)
        await owner.close()
        await app.close()

    asyncio.run(scenario())


def test_every_scoped_table_has_an_index_for_each_arm():
    """A list merges one index scan per arm; an arm without an index would scan the table."""
    rules = [
        rule
        for service in SERVICES
        for rule in importlib.import_module(f"taproot_{service}.main").DEFINITION.scoped
        # Rows of many resources are read within their parent, by its key.
        if isinstance(rule, ScopeRule) and rule.table.name not in READ_BY_KEY
    ]
    missing = []
    for rule in rules:
        leading = {next(iter(index.columns)).name for index in rule.table.indexes if len(index.columns)}
        leading |= {column.name for column in list(rule.table.primary_key.columns)[:1]}
        missing += [
            f"{rule.table.name}.{column.name}"
            for column in (rule.owner, rule.team, rule.branch, rule.party)
            if column is not None and column.name not in leading
        ]
    assert missing == []
