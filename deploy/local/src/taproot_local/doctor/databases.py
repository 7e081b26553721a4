"""Each service's database, seen with the rights the service itself has."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from taproot_local.doctor.findings import Finding, ok, warning, wrong
from taproot_local.home import repository

OLDEST_VERSION = 160_000
SKEW_SECONDS = 2.0
OUTBOX_SECONDS = 60.0
FULL_SHARE = 0.85
PARTITIONED = ("audit_events", "event_log", "inbox")
Check = Callable[[str, Any], AsyncIterator[Finding]]


async def examine(service: str, url: str, migrations: Path | None = None) -> list[Finding]:
    """`url`: the service's own login. `migrations`: folder of its migrations, where there is one to compare with."""
    about = f"database of {service}"
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        said = f"cannot be reached ({type(error).__name__}: {error})"
        return [wrong(about, said, "start PostgreSQL, or correct TAPROOT_DATABASE_URL of the service")]
    try:
        found = [one for check in (_server, _rights) async for one in check(about, connection)]
        found += [one async for one in _schema(about, connection, newest(migrations))]
        if await connection.fetchval("SELECT to_regclass('public.event_log')") is not None:
            found += [one for check in (_partitions, _events) async for one in check(about, connection)]
        return found
    finally:
        await connection.close()


async def _server(about: str, connection: Any) -> AsyncIterator[Finding]:
    number = int(await connection.fetchval("SELECT current_setting('server_version_num')"))
    if number < OLDEST_VERSION:
        yield wrong(about, f"PostgreSQL {number // 10000} is too old", "use PostgreSQL 16 or newer")
    row = await connection.fetchrow(
        "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()"
    )
    if row[0] != "UTF8":
        yield wrong(
            about, f"its encoding is {row[0]}", "create it again with ENCODING 'UTF8' and restore a backup"
        )
    if row[1] not in {"C", "C.UTF-8", "POSIX"}:
        remedy = "create databases with LOCALE 'C': sorting is by keys of our own, and text indexes need byte order"
        yield warning(about, f"its locale is {row[1]}", remedy)
    skew = abs((await connection.fetchval("SELECT clock_timestamp()") - datetime.now(UTC)).total_seconds())
    if skew > SKEW_SECONDS:
        remedy = "synchronise the clocks (NTP): due times and tokens are compared across machines"
        yield wrong(about, f"its clock and this one differ by {skew:.1f} s", remedy)
    used, most = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM pg_stat_activity), current_setting('max_connections')::int"
    )
    if used > most * FULL_SHARE:
        yield warning(
            about,
            f"{used} of {most} connections are in use",
            "raise max_connections or put a pooler before it",
        )


async def _rights(about: str, connection: Any) -> AsyncIterator[Finding]:
    name = await connection.fetchval("SELECT current_user")
    mighty = await connection.fetchval(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    )
    if mighty:
        yield wrong(
            about,
            f"the login {name} has rights of an administrator",
            f"ALTER ROLE {name} NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS",
        )
    if await connection.fetchval("SELECT has_schema_privilege('public', 'CREATE')"):
        yield wrong(
            about,
            f"the login {name} may create tables",
            f"REVOKE CREATE ON SCHEMA public FROM {name}, PUBLIC",
        )
    others = await connection.fetch(
        "SELECT datname FROM pg_database WHERE datname LIKE 'taproot\\_%' AND datname <> current_database()"
        " AND has_database_privilege(datname, 'CONNECT') ORDER BY 1"
    )
    for row in others:
        remedy = f"REVOKE ALL ON DATABASE {row[0]} FROM PUBLIC, {name}"
        yield wrong(about, f"the login {name} may enter {row[0]}", remedy)


async def _schema(about: str, connection: Any, wanted: str) -> AsyncIterator[Finding]:
    try:
        found = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        yield wrong(about, "it is not migrated", "run the service's `migrate`")
    except asyncpg.InsufficientPrivilegeError:
        yield wrong(
            about,
            "the service's login may not read its tables",
            "run `migrate` with TAPROOT_DATABASE_URL set",
        )
    else:
        if wanted and found < wanted:
            yield wrong(
                about, f"its schema is {found}, this release needs {wanted}", "run the service's `migrate`"
            )
        else:
            yield ok(about, f"reachable, schema {found}")


async def _partitions(about: str, connection: Any) -> AsyncIterator[Finding]:
    now = datetime.now(UTC)
    months = now.year * 12 + now.month
    ahead = f"{months // 12}{months % 12 + 1:02}"
    for table in PARTITIONED:
        if await connection.fetchval("SELECT to_regclass($1)", f"{table}_p{ahead}") is None:
            remedy = "look why the job extend-partitions fails in the worker's log; it makes them three months ahead"
            yield wrong(about, f"{table} has no partition for next month", remedy)
        stray = f"SELECT EXISTS (SELECT FROM {table} WHERE tableoid = to_regclass($1))"  # noqa: S608  # ours
        if await connection.fetchval(stray, f"{table}_pdefault"):
            remedy = "look for events dated in the far past or future; move the rows before the month's partition is made"
            yield warning(about, f"rows of {table} lie in the default partition", remedy)


async def _events(about: str, connection: Any) -> AsyncIterator[Finding]:
    letters = await connection.fetch(
        "SELECT consumer, count(*) FROM dead_letters WHERE state = 'dead' GROUP BY 1"
    )
    for row in letters:
        remedy = "`dead-letters list` and `dead-letters replay` of the service (docs/how-to/dead-letters.md)"
        yield warning(about, f"{row[1]} dead letters of the consumer {row[0]}", remedy)
    waiting, age = await connection.fetchrow(
        "SELECT count(*), extract(epoch FROM clock_timestamp() - min(occurred_at)) FROM event_log WHERE published_at IS NULL"
    )
    if waiting and age > OUTBOX_SECONDS:
        remedy = (
            "is NATS up, and does a worker of the service run? (docs/operations/runbooks/outbox-stuck.md)"
        )
        yield wrong(about, f"{waiting} events have not been announced, the oldest for {age:.0f} s", remedy)


def newest(migrations: Path | None) -> str:
    """The newest version in a folder of migrations; empty when there is none to look into."""
    if migrations is None or not migrations.is_dir():
        return ""
    texts = [path.read_text() for path in (migrations / "versions").glob("*.py")]
    found = [
        match[1] for text in texts if (match := re.search(r'^revision\b[^=]*= "([^"]+)"', text, re.MULTILINE))
    ]
    return max(found, default="")


def folder_of(directory: str) -> Path | None:
    """Of a service's migrations, where the code lies beside this one."""
    found = repository() / "services" / directory / "migrations"
    return found if found.is_dir() else None
