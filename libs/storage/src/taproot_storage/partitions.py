"""Partitions: made by migrations and kept ahead of time by a job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taproot_storage.database import Database

MONTHS_AHEAD = 3
MONTHLY = ("audit_events", "event_log", "inbox")


def month_start(instant: datetime, offset: int = 0) -> datetime:
    months = instant.year * 12 + instant.month - 1 + offset
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def monthly_sql(table: str, start: datetime) -> str:
    end = month_start(start, 1)
    return (
        f"CREATE TABLE IF NOT EXISTS {table}_p{start:%Y%m} PARTITION OF {table} "
        f"FOR VALUES FROM ('{start:%Y-%m-%d}+00') TO ('{end:%Y-%m-%d}+00')"
    )


def default_sql(table: str) -> str:
    return f"CREATE TABLE IF NOT EXISTS {table}_pdefault PARTITION OF {table} DEFAULT"


def hash_sql(table: str, count: int = 16) -> list[str]:
    return [
        f"CREATE TABLE IF NOT EXISTS {table}_p{number} PARTITION OF {table} "
        f"FOR VALUES WITH (MODULUS {count}, REMAINDER {number})"
        for number in range(count)
    ]


def initial_sql(table: str, now: datetime) -> list[str]:
    """Partitions of a new monthly table: this month and those ahead, and the default."""
    months = [month_start(now, offset) for offset in range(MONTHS_AHEAD + 1)]
    return [*(monthly_sql(table, start) for start in months), default_sql(table)]


async def extend(database: Database) -> None:
    """Make the coming months' partitions. Runs with the owner's rights: see `create_partition`."""
    connection: Any = await database.connect_direct()
    try:
        for offset in range(1, MONTHS_AHEAD + 1):
            start = month_start(database.clock.now(), offset)
            for table in MONTHLY:
                await connection.execute("SELECT create_partition($1, $2)", table, start)
    finally:
        await connection.close()


# The app login has no DDL; this function, owned by the migration's login, is the one door for it.
CREATE_PARTITION_SQL = """
CREATE OR REPLACE FUNCTION create_partition(parent text, start timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_partitioned_table WHERE partrelid = parent::regclass) THEN
        RAISE EXCEPTION 'not a partitioned table: %', parent;
    END IF;
    IF to_regclass(format('%I', parent || '_p' || to_char(start, 'YYYYMM'))) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
            parent || '_p' || to_char(start, 'YYYYMM'), parent,
            date_trunc('month', start), date_trunc('month', start) + interval '1 month');
    END IF;
END $$
"""
