"""One transaction over raw statements and mapped objects, or nothing."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from boxes import Box, box, plain
from sqlalchemy import bindparam, insert, select, update

from taproot_base.context import Doomed
from taproot_base.errors import EtagMismatch, Unavailable
from taproot_storage.database import Database, TransactionNotOpen
from taproot_storage.eventlog import MANY, LogEntry
from taproot_storage.schema import event_log
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

RAW = Statement(
    lambda: insert(Box.__table__).values(
        {
            n: bindparam(n)
            for n in ("id", "label", "branch_path", "member_ids", "version", "create_time", "update_time")
        }
    )
)


class Planned(Exception):
    pass


async def count(database: Database, label: str) -> int:
    return (await plain(database, "SELECT count(*) FROM boxes WHERE label = $1", label))[0][0]


def raw_values(label: str, database: Database) -> dict[str, object]:
    now = database.clock.now()
    return {
        "id": uuid.uuid4(), "label": label, "branch_path": "/hq/", "member_ids": [], "version": 1,
        "create_time": now, "update_time": now,
    }  # fmt: skip


async def test_a_raw_statement_before_an_exception_leaves_nothing(database, as_system):
    with pytest.raises(Planned):
        async with database.unit() as work:
            await work.execute(RAW, **raw_values("raw-then-raise", database))
            raise Planned
    assert await count(database, "raw-then-raise") == 0


async def test_raw_and_mapped_writes_commit_together_or_not_at_all(database, as_system):
    for fails, expected in ((True, 0), (False, 2)):
        try:
            async with database.unit() as work:
                await work.execute(RAW, **raw_values(f"both-{fails}", database))
                await work.add(box(f"both-{fails}"))
                await work.flush()
                seen = await work.fetch(
                    select(Box.__table__).where(visible(Box), Box.__table__.c.label == f"both-{fails}")
                )
                assert len(seen) == 2
                if fails:
                    raise Planned  # noqa: TRY301  # the point of the test
        except Planned:
            pass
        assert await count(database, f"both-{fails}") == expected


async def test_events_are_in_the_same_transaction(database, as_system):
    kept, lost = box("kept"), box("lost")
    async with database.unit() as work:
        await work.add(kept)
    with pytest.raises(Planned):
        async with database.unit() as work:
            await work.add(lost)
            await work.flush()
            raise Planned
    for made, expected in ((kept, 1), (lost, 0)):
        rows = await plain(database, "SELECT version FROM event_log WHERE aggregate_id = $1", made.id)
        assert len(rows) == expected


async def test_many_events_are_copied_with_what_else_they_carry(database, as_system):
    key = uuid.uuid4()
    entries = [LogEntry("box.moved", key, n, bytes([n]), owner_id=key) for n in range(1, MANY + 1)]
    async with database.unit() as work:
        await database.log.append(work, entries)
    rows = await plain(database, "SELECT * FROM event_log WHERE aggregate_id = $1 ORDER BY number", key)
    assert [(row["version"], row["payload"], row["owner_id"]) for row in rows] == [
        (entry.version, entry.payload, key) for entry in entries
    ]
    assert {row["published_at"] for row in rows} == {None}
    with pytest.raises(Planned):
        async with database.unit() as work:
            await database.log.append(work, entries)
            raise Planned
    again = await plain(database, "SELECT count(*) FROM event_log WHERE aggregate_id = $1", key)
    assert again[0][0] == MANY


async def test_versions_have_no_gaps(database, as_system):
    made = box("versions")
    async with database.unit() as work:
        await work.add(made)
    for _ in range(3):
        async with database.unit() as work:
            found = await work.scalar(select(Box).where(Box.id == made.id, visible(Box)))
            found.record("moved", database.clock.now())
            found.record("painted", database.clock.now())
    rows = await plain(
        database, "SELECT version FROM event_log WHERE aggregate_id = $1 ORDER BY number", made.id
    )
    assert [row[0] for row in rows] == list(range(1, 8))


async def test_of_two_that_change_the_same_version_one_is_refused(database, as_system):
    made = box("race")
    async with database.unit() as work:
        await work.add(made)
    both_read = asyncio.Barrier(2)

    async def change() -> None:
        async with database.unit() as work:
            found = await work.scalar(select(Box).where(Box.id == made.id, visible(Box)))
            await both_read.wait()
            found.record("moved", database.clock.now())

    results = await asyncio.gather(change(), change(), return_exceptions=True)
    assert sorted(map(str, map(type, results))) == sorted(map(str, (type(None), EtagMismatch)))


async def test_advisory_locks_serialise(database, as_system):
    inside, most = 0, 0

    async def work_once() -> None:
        nonlocal inside, most
        async with database.unit(locks=[7, 3]):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(work_once() for _ in range(8)))
    assert most == 1


async def test_a_statement_outside_its_unit_is_refused(database, as_system):
    async with database.unit() as work:
        pass
    with pytest.raises(TransactionNotOpen):
        await work.fetch(select(event_log))
    with pytest.raises(TransactionNotOpen):
        await work.add(box())


async def test_an_abandoned_unit_keeps_nothing(database, as_system):
    async with database.unit() as work:
        await work.execute(update(Box.__table__).where(unscoped(Box, "test")).values(label="abandoned"))
        await work.abandon()
    assert await count(database, "abandoned") == 0


async def test_a_doomed_call_keeps_nothing_and_stops_there(database, as_system):
    as_system.doomed = True
    after = []
    with pytest.raises(Doomed):
        async with database.unit() as work:
            work.after_commit.append(lambda: after.append(1))
            await work.add(box("doomed"))
    assert after == []
    assert await plain(database, "SELECT 1 FROM boxes WHERE label = 'doomed'") == []


async def test_a_full_disk_is_a_reason_to_try_later(database, as_system):
    with pytest.raises(Unavailable, match="no room"):
        async with database.unit() as work:
            await work.connection.execute(
                "DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$"
            )
