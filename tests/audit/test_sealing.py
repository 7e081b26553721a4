"""The sealer and the verification on a real database, with commits that come late."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest
import pytest_asyncio

from taproot_audit import sealing
from taproot_audit.chain import Fault
from taproot_audit.checks import export, verify, verify_export
from taproot_audit.sealing import Sealer
from taproot_base.audit import Category
from taproot_base.auth import Principal, TokenVerifier
from taproot_base.context import Call
from taproot_chassis import commands
from taproot_customer.main import DEFINITION
from taproot_storage import audit

SERVICE = "customer"
TABLES = ("audit_events", "audit_blocks", "audit_unsealed")


@pytest_asyncio.fixture(loop_scope="session")
async def service(start_service: Any) -> Any:
    """Each test has a service of its own, which seals only when told: its own sealer belongs to the workers."""
    return await start_service(SERVICE, role="api")


@pytest.fixture
def database(service):
    return service.runtime.database


@pytest.fixture
def sealer(service):
    return Sealer(SERVICE, service.runtime.minter.sign)


@pytest.fixture
def signed(keys):
    return TokenVerifier.load(keys / SERVICE / "keys.json").signed


@pytest_asyncio.fixture(loop_scope="session")
async def owner(database, postgres):
    """The login of the migrations: it may do what the service may not."""
    name = urlsplit(database.direct_url).path.strip("/")
    found = await asyncpg.connect(postgres.administrator.describe(SERVICE, name).owner_url)
    yield found
    await found.close()


def insertion(database: Any, count: int = 1) -> str:
    call = Call(Principal("somebody", "user"), None, method="/a/B", permission="things.read")  # type: ignore[arg-type]  # not asked
    now = database.clock.now()
    return audit.insertion([audit.event(call, now, Category.READ, records=["r"]) for _ in range(count)])


async def add(database: Any, count: int = 1) -> None:
    async with database.connection() as connection:
        await connection.execute(insertion(database, count))


async def blocks(owner: Any) -> list[tuple[int, list[int]]]:
    return [
        (row[0], row[1]) for row in await owner.fetch("SELECT number, numbers FROM audit_blocks ORDER BY 1")
    ]


async def lines_of(database: Any) -> list[bytes]:
    return [line async for line in export(database, SERVICE)]


async def test_what_commits_late_lands_in_a_later_block(service, database, sealer, signed, owner):
    slow = await asyncpg.connect(database.direct_url)
    await slow.execute("BEGIN")
    await slow.execute(insertion(database))
    await add(database, 2)
    with service.system_call():
        await sealer.run(database)
        assert await blocks(owner) == [(1, [2, 3])]
        await slow.execute("COMMIT")
        await add(database)
        await sealer.run(database)
        assert await blocks(owner) == [(1, [2, 3]), (2, [1, 4])]
        found = await verify(database, SERVICE, signed)
    assert (found.blocks, found.events, found.waiting) == (2, 4, 0)
    await slow.close()


async def test_many_writers_two_sealers_and_nothing_lost_or_sealed_twice(
    service, database, sealer, signed, owner, monkeypatch
):
    monkeypatch.setattr(sealing, "BLOCK_SIZE", 7)
    other = Sealer(SERVICE, service.runtime.minter.sign)
    done = asyncio.Event()

    async def write(number: int) -> None:
        for turn in range(10):
            connection = await asyncpg.connect(database.direct_url)
            await connection.execute("BEGIN")
            await connection.execute(insertion(database))
            await asyncio.sleep(0.01 * ((number * turn) % 4))
            await connection.execute("ROLLBACK" if (number + turn) % 5 == 0 else "COMMIT")
            await connection.close()

    async def go_on(one: Sealer) -> None:
        with service.system_call():
            while not done.is_set():
                await one.run(database)

    tasks = [asyncio.ensure_future(go_on(one)) for one in (sealer, other)]
    await asyncio.gather(*(write(number) for number in range(6)))
    done.set()
    await asyncio.gather(*tasks)
    with service.system_call():
        while await sealer.run(database):
            pass
        found = await verify(database, SERVICE, signed)
    assert (found.events, found.waiting) == (await owner.fetchval("SELECT count(*) FROM audit_events"), 0)
    assert found.events == 48
    assert verify_export(await lines_of(database), SERVICE, signed).head == found.head


TAMPERING = {
    "UPDATE audit_events SET principal = 'somebody else' WHERE number = 3": "event 3 was altered: block 1",
    "UPDATE audit_events SET time = time + interval '1 microsecond' WHERE number = 5": "event 5 was altered: block 2",
    "DELETE FROM audit_events WHERE number = 4": "event 4 is missing: block 2 holds it",
    "CREATE TABLE copied AS SELECT * FROM audit_events WHERE number = 6;"
    "UPDATE copied SET id = gen_random_uuid(), principal = 'another';"
    "INSERT INTO audit_events SELECT * FROM copied": "event 6 was inserted: there is another of that number",
    "CREATE TABLE copied AS SELECT * FROM audit_events WHERE number = 6;"
    "UPDATE copied SET id = gen_random_uuid(), number = 77;"
    "INSERT INTO audit_events SELECT * FROM copied": "event 77 was inserted: no block holds it",
    "UPDATE audit_events SET number = 100 - number WHERE number IN (4, 5, 6)": "event 4 is missing",
    "DELETE FROM audit_blocks WHERE number = 2": "block 2 is missing: block 3",
    "DELETE FROM audit_blocks WHERE number = 3": "event 7 was inserted: no block holds it",
    "UPDATE audit_blocks SET seal_time = seal_time + interval '1 second' WHERE number = 1": "block 1 was altered",
    "UPDATE audit_blocks SET digests = digests || digests WHERE number = 2": "block 2 was altered",
    "UPDATE audit_blocks SET signature = 'x' WHERE number = 3": "block 3 was forged",
    "UPDATE audit_blocks SET number = number + 1 WHERE number = 3": "block 3 is missing",
    "DELETE FROM audit_unsealed": "event 10 was inserted: no block holds it and it does not wait for one",
}


async def test_whoever_owns_the_database_cannot_alter_it_unseen(service, database, sealer, signed, owner):
    with service.system_call():
        for _ in range(3):
            await add(database, 3)
            await sealer.run(database)
        await add(database)
        assert (await verify(database, SERVICE, signed)).waiting == 1
        for table in TABLES:
            await owner.execute(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")
        for tampering, told in TAMPERING.items():
            await owner.execute(tampering)
            with pytest.raises(Fault) as caught:
                await verify(database, SERVICE, signed)
            assert str(caught.value).startswith(told), tampering
            await _undo(owner)
        assert (await verify(database, SERVICE, signed)).blocks == 3


async def test_a_stretch_of_time_can_be_verified_and_exported(service, database, sealer, signed, owner):
    with service.system_call():
        for _ in range(4):
            await add(database, 2)
            await sealer.run(database)
        since = await owner.fetchval("SELECT seal_time FROM audit_blocks WHERE number = 2")
        until = await owner.fetchval("SELECT seal_time FROM audit_blocks WHERE number = 4")
        found = await verify(database, SERVICE, signed, since, until)
        assert (found.blocks, found.events) == (2, 4)
        part = [line async for line in export(database, SERVICE, since, until)]
        assert verify_export(part, SERVICE, signed).blocks == 2
        await owner.execute("UPDATE audit_events SET outcome = 'x' WHERE number IN (2, 7)")
        assert (await verify(database, SERVICE, signed, since, until)).blocks == 2
        await owner.execute("UPDATE audit_events SET outcome = 'x' WHERE number = 4")
        with pytest.raises(Fault, match="event 4 was altered: block 2"):
            await verify(database, SERVICE, signed, since, until)


async def _undo(owner: Any) -> None:
    for table in TABLES:
        await owner.execute(f"TRUNCATE {table}; INSERT INTO {table} SELECT * FROM kept_{table}")
    await owner.execute("DROP TABLE IF EXISTS copied")


async def test_an_export_is_verified_without_a_database(service, database, sealer, keys, tmp_path, capsys):
    with service.system_call():
        await add(database, 3)
        await sealer.run(database)
    lines = await lines_of(database)
    file, known = tmp_path / "audit.jsonl", str(keys / SERVICE / "keys.json")

    def verified(written: list[bytes], *options: str) -> tuple[int, str]:
        file.write_bytes(b"".join(written))
        capsys.readouterr()
        status = commands.main(DEFINITION, ["audit", "verify", str(file), "--keys", known, *options])
        said = capsys.readouterr()
        return status, said.out + said.err

    head = orjson.loads(lines[-1])["end"]["hash"]
    status, said = verified(lines, "--head", head)
    assert (status, said.startswith("customer: 1 blocks with 3 events are as they were sealed")) == (0, True)
    assert verified(lines, "--head", "ab" * 32)[0] == 1
    status, said = verified([lines[0], *lines[2:]])
    assert (status, said) == (1, "customer: event 1 was inserted: it stands in no block\n")
    status, said = verified([line.replace(b"somebody", b"another1", 1) for line in lines])
    assert (status, said) == (1, "customer: event 1 was altered: block 1 holds another digest of it\n")
