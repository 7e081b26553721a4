"""Migrating in a cluster: once, again after a failure, and never backwards.

Releases N and N+1 share a schema while they run side by side, so a database that is newer than this release
is good enough for it: after a rollback there is nothing to do.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import time
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

ATTEMPTS = 20
PAUSE_SECONDS = 3.0
PATIENCE_SECONDS = 600.0
_LOCK = 0x7A705C
_PASSING = (
    asyncpg.LockNotAvailableError,
    asyncpg.CannotConnectNowError,
    asyncpg.DeadlockDetectedError,
    asyncpg.PostgresConnectionError,
    # A trial's PostgreSQL answers a moment before it knows the logins and databases.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    OSError,
    TimeoutError,
)


def main(service: str, role: str) -> int:
    folder = importlib.import_module(f"taproot_{service}.main").DEFINITION.migrations
    work = _migrate(folder) if role == "migrate" else _await(folder)
    return asyncio.run(work)


async def _migrate(folder: Path) -> int:
    url = os.environ["TAPROOT_MIGRATION_DATABASE_URL"]
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await _migrate_once(folder, url)
        except Exception as error:
            if not _passing(error) or attempt == ATTEMPTS:
                raise
            _say(f"attempt {attempt} of {ATTEMPTS} failed: {type(error).__name__}: {error}")
            await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError("not reached")


async def _migrate_once(folder: Path, url: str) -> int:
    """One migrates, who comes second waits and finds it done."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        current = await _current(connection)
        if _enough(folder, current):
            await _repeat_policies(folder, url, current)
            _say(f"nothing to do: the database is at {', '.join(sorted(current))}")
            return 0
        from taproot_storage import migrations
        from taproot_storage.visibility import scope_rules

        await asyncio.to_thread(migrations.upgrade, folder, scope_rules())
        _say(f"the database is at {', '.join(sorted(await _current(connection)))}")
    finally:
        await connection.close(timeout=10)
    return 0


async def _repeat_policies(folder: Path, url: str, current: frozenset[str]) -> None:
    """Row-level security is a setting, which changes without a new schema; a later release's tables are its own."""
    if current == _heads(folder):
        from taproot_storage import policies
        from taproot_storage.visibility import scope_rules

        await policies.apply(url, scope_rules(), on=os.environ.get("TAPROOT_DATABASE_ROW_SECURITY") == "on")


async def _await(folder: Path) -> int:
    url, deadline, said = os.environ["TAPROOT_DATABASE_URL"], time.monotonic() + PATIENCE_SECONDS, ""
    while time.monotonic() < deadline:
        reason = await _missing(folder, url)
        if not reason:
            return 0
        if reason != said:
            _say(f"waiting: {reason}")
            said = reason
        await asyncio.sleep(1)
    _say(f"gave up after {PATIENCE_SECONDS:.0f} s: {said}")
    return 1


async def _missing(folder: Path, url: str) -> str:
    """Why the service cannot start on this database yet; empty when it can."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return f"{type(error).__name__}: {error}"
    try:
        current = await _current(connection)
    except asyncpg.InsufficientPrivilegeError:
        return "the migrations have not given this login its rights yet"
    finally:
        await connection.close(timeout=10)
    return "" if _enough(folder, current) else "the database is not migrated"


async def _current(connection: asyncpg.Connection[asyncpg.Record]) -> frozenset[str]:
    if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
        return frozenset()
    return frozenset(row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version"))


def _enough(folder: Path, current: frozenset[str]) -> bool:
    """At this release's newest version, or at one that only a later release knows."""
    known = {script.revision for script in _scripts(folder).walk_revisions()}
    return bool(current) and (_heads(folder) <= current or not current <= known)


def _heads(folder: Path) -> frozenset[str]:
    return frozenset(_scripts(folder).get_heads())


def _scripts(folder: Path) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(folder))
    return ScriptDirectory.from_config(config)


def _passing(error: BaseException | None) -> bool:
    """Worth another attempt; SQLAlchemy wraps the driver's error."""
    while error is not None:
        if isinstance(error, _PASSING):
            return True
        error = getattr(error, "orig", None) or error.__cause__
    return False


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
