"""The point of a backup is one point: no effect without its cause, on either side. And a damaged backup is refused."""

from __future__ import annotations

import asyncio
import itertools
import json

import asyncpg
import pytest

from taproot_local.backups.freezing import frozen
from taproot_local.backups.manifest import FORMAT, Manifest, checksums
from taproot_local.errors import LocalError
from taproot_local.provision import Administrator
from taproot_local.testing import own_postgres

POINTS = 15


@pytest.fixture(scope="module")
def urls():
    """Two databases with a log each."""
    with own_postgres(durable=False) as server:
        administrator = Administrator(server.admin_url)
        made = {name: administrator.ensure(name, f"point_{name}") for name in ("one", "two")}
        for database in made.values():
            administrator.run("CREATE TABLE event_log (id text PRIMARY KEY)", database.name)
            administrator.run(f"ALTER TABLE event_log OWNER TO {database.service}_owner", database.name)
        yield {name: database.owner_url for name, database in made.items()}


async def converse(urls, first, then, name):
    """A cause here, its effect there, again and again; each its own transaction."""
    causes, effects = await asyncpg.connect(urls[first]), await asyncpg.connect(urls[then])
    try:
        for number in itertools.count():
            await causes.execute("INSERT INTO event_log VALUES ($1)", f"{name}-{number}")
            await effects.execute("INSERT INTO event_log VALUES ($1)", f"{name}-{number}")
    finally:
        causes.terminate()
        effects.terminate()


async def held(url, snapshot):
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read"):
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            return {row[0] for row in await connection.fetch("SELECT id FROM event_log")}
    finally:
        await connection.close()


async def test_snapshots_hold_no_effect_without_its_cause(urls):
    pairs = [("one", "two", "a"), ("two", "one", "b"), ("one", "two", "c"), ("two", "one", "d")]
    talking = [asyncio.ensure_future(converse(urls, *pair)) for pair in pairs]
    seen = []
    try:
        for _ in range(POINTS):
            await asyncio.sleep(0.05)
            async with frozen(urls) as point:
                one, two = [await held(urls[name], point.snapshots[name]) for name in ("one", "two")]
            for first, _, name in pairs:
                causes, effects = (one, two) if first == "one" else (two, one)
                mine = [{row for row in rows if row.startswith(name)} for rows in (causes, effects)]
                assert mine[1] <= mine[0], (name, mine[1] - mine[0])
            assert point.paused_seconds < 2
            seen.append(len(one))
        assert all(not task.done() for task in talking)
    finally:
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
    assert seen == sorted(seen)
    assert seen[0] < seen[-1], "nobody wrote meanwhile"


async def test_a_long_transaction_makes_it_give_up_in_words(urls, monkeypatch):
    monkeypatch.setattr("taproot_local.backups.freezing.LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr("taproot_local.backups.freezing.PAUSE_SECONDS", 0.01)
    writer = await asyncpg.connect(urls["two"])
    try:
        async with writer.transaction():
            await writer.execute("INSERT INTO event_log VALUES ('long')")
            with pytest.raises(LocalError, match="A long transaction keeps an event log open"):
                async with frozen(urls):
                    pass
            other = await asyncpg.connect(urls["one"])
            await other.execute("INSERT INTO event_log VALUES ('free again')", timeout=5)
            await other.close()
    finally:
        await writer.close()


@pytest.fixture
def backup(tmp_path):
    directory = tmp_path / "backup"
    (directory / "databases").mkdir(parents=True)
    (directory / "databases" / "sales.dump").write_bytes(b"all that was sold")
    times = ("2026-01-01T00:00:00+00:00", "2025-12-31T00:00:00+00:00")
    Manifest(FORMAT, *times, 0.1, {"sales": "0001"}, checksums(directory)).write(directory)
    return directory


def test_a_sound_backup_is_read(backup):
    assert Manifest.read(backup).databases == {"sales": "0001"}


def _change(directory):
    (directory / "databases" / "sales.dump").write_bytes(b"all that was told")


def _remove(directory):
    (directory / "databases" / "sales.dump").unlink()


def _cut_off(directory):
    (directory / "manifest.json").unlink()


def _forge(directory):
    sealed = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps(sealed | {"manifest": "{}"}))


def _garble(directory):
    (directory / "manifest.json").write_text("{")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (_change, "sales.dump is not what was written"),
        (_remove, "sales.dump is missing"),
        (_cut_off, "holds no finished backup"),
        (_forge, "manifest.json was changed"),
        (_garble, "manifest.json cannot be read"),
    ],
)
def test_a_damaged_one_is_refused_in_words(backup, harm, sentence):
    harm(backup)
    with pytest.raises(LocalError, match=sentence):
        Manifest.read(backup)
