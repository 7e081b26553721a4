"""What every service's Alembic environment and first migration share."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import MetaData, Table, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from taproot_storage import erased, partitions, policies
from taproot_storage.firstmigration import create_shared_tables

LOCK_TIMEOUT = "5s"


def upgrade(folder: Path, scoped: Collection[Table]) -> None:
    """Bring the database to the newest version found in an Alembic folder, and its policies to what is asked for.

    TAPROOT_DATABASE_ROW_SECURITY=on installs the row-level-security policies of the `scoped` tables, anything
    else takes them away.
    """
    config = Config()
    config.set_main_option("script_location", str(folder))
    command.upgrade(config, "head")
    on = os.environ.get("TAPROOT_DATABASE_ROW_SECURITY") == "on"
    asyncio.run(policies.apply(os.environ["TAPROOT_MIGRATION_DATABASE_URL"], scoped, on=on))


def run(target: Sequence[MetaData]) -> None:
    """Run migrations against TAPROOT_MIGRATION_DATABASE_URL (the owner's login)."""
    asyncio.run(_run_async(os.environ["TAPROOT_MIGRATION_DATABASE_URL"], list(target)))


async def _run_async(url: str, target: list[MetaData]) -> None:
    # The driver itself reads the URL: SQLAlchemy would not understand its `sslmode` and the like.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_migrate, target)
    await engine.dispose()


def _migrate(connection: Any, target: list[MetaData]) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=target,
        transaction_per_migration=True,
        compare_server_default=False,
        include_object=_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


def _ours(_entity: Any, name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
    """Partitions come and go by themselves; they are no part of the schema's description."""
    return not (kind in ("table", "index") and re.search(r"_p(default|\d+)(_|$)", name or ""))


def before_first() -> None:
    """Start of a service's first migration: the tables every service has."""
    create_shared_tables()


def after_first(hashed: Sequence[str] = ()) -> None:
    """End of a service's first migration: partitions, the partition door, the app login's rights.

    `hashed` names the service's own tables that are partitioned by hash.
    """
    now = datetime.now(UTC)
    for table in hashed:
        for statement in partitions.hash_sql(table):
            op.execute(statement)
    for table in partitions.MONTHLY:
        for statement in partitions.initial_sql(table, now):
            op.execute(statement)
    op.execute(partitions.CREATE_PARTITION_SQL)
    op.execute(erased.REWRITE_EVENT_SQL)
    grant_app()


def grant_app() -> None:
    """The app login (of TAPROOT_DATABASE_URL) reads and writes rows, but may only add to the audit and to
    the event log, and mark this published. To be called at the end of every migration that adds tables.
    """
    role = urlsplit(os.environ["TAPROOT_DATABASE_URL"]).username
    op.execute(f'GRANT USAGE ON SCHEMA public TO "{role}"')
    op.execute(f'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO "{role}"')
    for table in _plain_tables():
        op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO "{role}"')
    op.execute(f'REVOKE UPDATE, DELETE ON event_log, audit_events, audit_blocks FROM "{role}"')
    op.execute(f'GRANT UPDATE (published_at) ON event_log TO "{role}"')
    op.execute(f'GRANT EXECUTE ON FUNCTION create_partition(text, timestamptz) TO "{role}"')
    op.execute("REVOKE EXECUTE ON FUNCTION rewrite_event(uuid, timestamptz, bytea) FROM PUBLIC")
    op.execute(f'GRANT EXECUTE ON FUNCTION rewrite_event(uuid, timestamptz, bytea) TO "{role}"')
    op.execute(f'REVOKE UPDATE, DELETE ON erased_subjects FROM "{role}"')
    op.execute(f'REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM "{role}"')


def _plain_tables() -> list[str]:
    """All tables but partitions: rights on the parent are enough, and go around none of its limits."""
    rows = op.get_bind().execute(
        text(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace"
        )
    )
    return [row[0] for row in rows]
