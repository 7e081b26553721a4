"""Each thing the doctor looks at is broken once, and its sentence read."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import asyncpg
import nats
import pytest
from nats.js.api import StreamConfig

from taproot_local import certificates as local_certificates
from taproot_local.doctor import buses, contradictions, databases, doors, files
from taproot_local.doctor.findings import Level
from taproot_local.keys import ensure_keys
from taproot_local.nats import Nats
from taproot_local.processes import free_port
from taproot_local.provision import Administrator
from taproot_local.testing import own_postgres, scratch_directory

OWNERS = {"sales": "sales", "gateway": "identity"}
PEERS = frozenset({"customer", "sales"})


def said(found, level=Level.WRONG):
    """Sentences and remedies of a level, as one text."""
    return "\n".join(f"{one.sentence} -> {one.remedy}" for one in found if one.level is level)


@pytest.fixture(scope="module")
def server():
    with own_postgres(durable=False) as found:
        yield found


@pytest.fixture(scope="module")
def administrator(server):
    return Administrator(server.admin_url)


@pytest.fixture(scope="module")
def database(administrator):
    """The sales service's, migrated."""
    made = administrator.ensure("sales", "taproot_sales")
    settings = {"TAPROOT_MIGRATION_DATABASE_URL": made.owner_url, "TAPROOT_DATABASE_URL": made.app_url}
    command = [sys.executable, "-m", "taproot_sales", "migrate"]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return made


FOLDER = databases.folder_of("sales")


class TestDatabases:
    async def ask(self, database, folder=FOLDER):
        return await databases.examine("sales", database.app_url, folder)

    async def test_a_sound_one_gets_no_complaint(self, database):
        found = await self.ask(database)
        assert {one.level for one in found} == {Level.OK}, found
        assert "reachable, schema 0" in found[-1].sentence

    async def test_one_that_does_not_answer(self):
        url = f"postgresql://sales_app:x@127.0.0.1:{free_port()}/taproot_sales"
        found = await databases.examine("sales", url)
        assert "cannot be reached" in said(found)
        assert "start PostgreSQL" in said(found)
        assert ":x@" not in said(found)

    async def test_a_wrong_password(self, database):
        url = database.app_url.replace(":", ":no", 2).replace("postgresql:no", "postgresql:", 1)
        found = await databases.examine("sales", url)
        assert "InvalidPasswordError" in said(found)

    async def test_one_that_was_never_migrated(self, administrator):
        empty = administrator.ensure("marketing", "empty_marketing")
        assert "it is not migrated -> run the service's `migrate`" in said(await self.ask(empty))

    async def test_an_older_schema_than_the_release(self, database, tmp_path):
        (tmp_path / "versions").mkdir()
        (tmp_path / "versions" / "9.py").write_text('revision: str = "9999"\n')
        assert "this release needs 9999" in said(await self.ask(database, tmp_path))

    async def test_another_encoding(self, administrator, database):
        administrator.run(
            "CREATE DATABASE other OWNER sales_owner TEMPLATE template0 LOCALE 'C' ENCODING 'LATIN1';"
        )
        url = database.app_url.replace("/taproot_sales", "/other")
        assert "its encoding is LATIN1" in said(await databases.examine("sales", url))

    @pytest.mark.parametrize(
        ("break_it", "mend_it", "sentence"),
        [
            ("ALTER ROLE sales_app CREATEDB", "ALTER ROLE sales_app NOCREATEDB", "rights of an administrator"),
            ("GRANT CREATE ON SCHEMA public TO sales_app", "REVOKE CREATE ON SCHEMA public FROM sales_app",
             "may create tables"),
            ("CREATE DATABASE taproot_secret", "DROP DATABASE taproot_secret WITH (FORCE)", "may enter taproot_secret"),
            ("DROP TABLE inbox_p{next}", "SELECT create_partition('inbox', '{start}')",
             "inbox has no partition for next month"),
            (("INSERT INTO event_log (occurred_at, id, aggregate_type, aggregate_id, version, type, payload, actor,"
             " traceparent) VALUES (now() - interval '2 minutes', gen_random_uuid(), 'a', gen_random_uuid(), 1, 'a.b',"
             " '', '', '')"), "DELETE FROM event_log", "1 events have not been announced"),
        ],
    )  # fmt: skip
    async def test_what_is_wrong_with_it(self, administrator, database, break_it, mend_it, sentence):
        first = (dt.datetime.now(dt.UTC).replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        names = {"next": f"{first:%Y%m}", "start": f"{first:%Y-%m-%d}"}
        administrator.run(break_it.format(**names), "taproot_sales")
        try:
            assert sentence in said(await self.ask(database))
        finally:
            administrator.run(mend_it.format(**names), "taproot_sales")
        assert sentence not in said(await self.ask(database))

    @pytest.mark.parametrize(
        ("break_it", "mend_it", "sentence"),
        [
            (("INSERT INTO dead_letters (consumer, event_id, aggregate_id, subject, headers, payload, state) VALUES"
             " ('refs:customer', gen_random_uuid(), gen_random_uuid(), 's', '{}', '', 'dead')"),
             "DELETE FROM dead_letters", "1 dead letters of the consumer refs:customer"),
            ("INSERT INTO inbox VALUES ('c', gen_random_uuid(), '1999-01-01+00')", "DELETE FROM inbox",
             "rows of inbox lie in the default partition"),
        ],
    )  # fmt: skip
    async def test_what_may_become_wrong(self, administrator, database, break_it, mend_it, sentence):
        administrator.run(break_it, "taproot_sales")
        try:
            assert sentence in said(await self.ask(database), Level.WARNING)
        finally:
            administrator.run(mend_it, "taproot_sales")

    async def test_connections_run_out(self, server, database):
        connection = await asyncpg.connect(database.app_url)
        try:
            most = await connection.fetchval("SELECT current_setting('max_connections')::int")
            held = await asyncio.gather(*(asyncpg.connect(server.admin_url) for _ in range(int(most * 0.88))))
            found = await self.ask(database)
            await asyncio.gather(*(one.close() for one in held))
        finally:
            await connection.close()
        assert "connections are in use" in said(found, Level.WARNING)

    async def test_a_clock_that_is_wrong(self, database, monkeypatch):
        monkeypatch.setattr(databases, "SKEW_SECONDS", -1.0)
        assert "its clock and this one differ" in said(await self.ask(database))


@pytest.fixture
def bus():
    with scratch_directory() as directory:
        server = Nats(directory / "nats", durable=False)
        server.start()
        yield server
        server.destroy()


class TestBuses:
    async def test_one_that_does_not_answer(self):
        found = await buses.examine(f"nats://127.0.0.1:{free_port()}", {"SALES"})
        assert "cannot be reached" in said(found)
        assert "start nats-server" in said(found)

    async def test_streams_that_are_missing_and_readers_behind(self, bus, monkeypatch):
        client = await nats.connect(bus.url)
        try:
            jetstream = client.jetstream()
            await jetstream.add_stream(StreamConfig("SALES", subjects=["taproot.sales.>"]))
            found = await buses.examine(bus.url, {"SALES", "CUSTOMER"})
            assert "the stream CUSTOMER is missing -> start the service" in said(found)
            await jetstream.pull_subscribe("taproot.sales.>", durable="reader", stream="SALES")
            await jetstream.publish("taproot.sales.a", b"")
            await jetstream.publish("taproot.sales.b", b"")
            assert {one.level for one in await buses.examine(bus.url, {"SALES"})} == {Level.OK}
            monkeypatch.setattr(buses, "LAG", 1)
            found = await buses.examine(bus.url, {"SALES"})
            assert "the consumer reader of SALES is 2 messages behind" in said(found, Level.WARNING)
            account = await jetstream.account_info()
            account.limits.max_storage = account.storage + 1
            assert "JetStream uses" in said(buses._room(account))
        finally:
            await client.close()


class TestKeys:
    @pytest.fixture
    def keys(self, tmp_path):
        ensure_keys(tmp_path, OWNERS)
        return tmp_path

    def ask(self, keys):
        return files.keys("sales", "sales", keys / "sales", OWNERS)

    def test_sound_ones(self, keys):
        assert {one.level for one in self.ask(keys)} == {Level.OK}

    def test_none(self, tmp_path):
        assert "cannot be read" in said(files.keys("sales", "sales", tmp_path, OWNERS))

    def test_a_public_set_without_a_service(self, keys):
        text = (keys / "sales" / "keys.json").read_text()
        (keys / "sales" / "keys.json").write_text(text.replace('"gateway"', '"somebody"'))
        assert "keys.json lacks the key of gateway" in said(self.ask(keys))

    def test_a_private_key_of_another_installation(self, keys, tmp_path):
        ensure_keys(tmp_path / "other", OWNERS)
        shutil.copy(tmp_path / "other/sales/sales.pem", keys / "sales/sales.pem")
        assert "sales.pem does not belong to its entry" in said(self.ask(keys))

    def test_a_private_key_for_everybody(self, keys):
        (keys / "sales" / "sales.pem").chmod(0o644)
        assert "can be read by everybody -> chmod" in said(self.ask(keys), Level.WARNING)


class TestCertificates:
    @pytest.fixture
    def held(self, tmp_path):
        local_certificates.ensure(tmp_path, ["sales"])
        return tmp_path / "sales"

    def test_a_sound_one(self, held):
        assert {one.level for one in files.certificates("sales", held)} == {Level.OK}

    def test_one_that_expires(self, held):
        now = dt.datetime.now(dt.UTC)
        soon, late = (
            now + dt.timedelta(days=local_certificates.DAYS - 5),
            now + dt.timedelta(days=local_certificates.DAYS + 1),
        )
        assert "it expires in" in said(files.certificates("sales", held, soon), Level.WARNING)
        assert "it has expired" in said(files.certificates("sales", held, late))

    def test_one_of_another_authority(self, held, tmp_path):
        local_certificates.ensure(tmp_path / "other", ["sales"])
        shutil.copy(tmp_path / "other/sales/ca.crt", held / "ca.crt")
        assert "its authority is not the one" in said(files.certificates("sales", held))

    def test_a_key_of_another(self, held, tmp_path):
        local_certificates.ensure(tmp_path, ["customer"])
        shutil.copy(tmp_path / "customer/tls.key", held / "tls.key")
        assert "tls.key does not belong to tls.crt" in said(files.certificates("sales", held))

    def test_none(self, tmp_path):
        assert "cannot be read" in said(files.certificates("sales", tmp_path))


class TestPlaces:
    def test_a_full_disk(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "NEEDED_BYTES", 1 << 60)
        assert "MB are free" in said(files.disk("disk", tmp_path))
        monkeypatch.setattr(files, "NEEDED_BYTES", 0)
        monkeypatch.setattr(files, "SCARCE_BYTES", 1 << 60)
        assert "free some" in said(files.disk("disk", tmp_path), Level.WARNING)

    async def test_a_service_that_does_not_listen(self):
        found = await doors.listening("service sales", f"127.0.0.1:{free_port()}", "look into its log")
        assert "nobody answers at 127.0.0.1:" in said(found)

    async def test_the_mail_server(self):
        greetings = [b"220 mail.example.com\r\n", b"554 go away\r\n"]

        async def greet(_reader, writer):
            writer.write(greetings.pop(0))
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            assert said(await doors.mail_server(f"smtp://127.0.0.1:{port}")) == ""
            assert "it answers '554 go away'" in said(await doors.mail_server(f"smtp://127.0.0.1:{port}"))
        assert "nobody answers" in said(await doors.mail_server(f"smtp://127.0.0.1:{port}"))
        assert "none is set" in said(await doors.mail_server(""))


SOUND = {
    "database_url": "postgresql://a@h/taproot_sales", "nats_url": "nats://h:4222",
    "backends": "customer=h:1,sales=h:2",
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"tls_dir": "/tls"}, "but not to NATS"),
        ({"nats_url": "tls://h:4222"}, "tls_dir is empty"),
        ({"otlp_ca_file": "/ca"}, "otlp_ca_file has no effect"),
        ({"otlp_endpoint": "h:4317"}, "has no scheme"),
        ({"public_url": "https://crm.example.com"}, "cookie_secure is off"),
        ({"database_direct_url": "postgresql://a@h/taproot_other"}, "name different databases"),
        ({"backends": "sales=h:2"}, "names no address of customer"),
    ],
)
def test_settings_that_contradict_each_other(settings, sentence):
    assert list(contradictions.examine("gateway", SOUND, PEERS)) == []
    found = list(contradictions.examine("gateway", SOUND | settings, PEERS))
    assert [sentence in one.sentence for one in found] == [True]
    assert found[0].remedy


def test_pages_the_remedies_name_exist():
    root = Path(__file__).resolve().parents[2]
    source = root / "deploy" / "local" / "src" / "taproot_local" / "doctor"
    named = {
        name for path in source.glob("*.py") for name in re.findall(r"docs/[\w/-]+\.md", path.read_text())
    }
    assert named
    assert [name for name in named if not (root / name).exists()] == []
