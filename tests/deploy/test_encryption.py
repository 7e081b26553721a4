"""`TAPROOT_TLS=on make up`: services and NATS show certificates, and who has none stays outside.

The embedded PostgreSQL is built without TLS; how services use a database that has it is seen through a front that
terminates it.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import grpc
import nats
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tlsfront import tls_front

from taproot_base.clock import SystemClock
from taproot_base.transport import Transport
from taproot_local import certificates
from taproot_local.api import eventually
from taproot_local.backups.dumping import dump
from taproot_local.doctor import databases
from taproot_local.doctor.findings import Level
from taproot_local.errors import LocalError
from taproot_local.suite import running_suite
from taproot_storage.database import Database
from taproot_storage.eventlog import EventLog

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")


@pytest.fixture(scope="module")
def suite():
    with running_suite(TAPROOT_TLS="on") as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(suite):
    async with suite.client() as client:
        yield client


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A certificate of an authority that is not ours, as good otherwise."""
    directory = tmp_path_factory.mktemp("foreign")
    certificates.ensure(directory, ["sales"])
    return directory / "sales"


def contexts(suite, foreign):
    """Clients that must not get in: without a certificate, and with one of somebody else."""
    nameless = ssl.create_default_context(cafile=suite.home / "tls/sales/ca.crt")
    stranger = ssl.create_default_context(cafile=suite.home / "tls/sales/ca.crt")
    stranger.load_cert_chain(foreign / "tls.crt", foreign / "tls.key")
    return {"plain": None, "without a certificate": nameless, "foreign": stranger}


async def test_calls_and_events_pass(suite, admin):
    """A customer is made through the gateway, and the customer service hears of it by NATS."""
    body = {"kind": "CUSTOMER_KIND_PERSON", "display_name": "Encrypted"}
    made = await admin.post("/v1/customers", body)

    async def told():
        page = await admin.get(f"/v1/customers/{made['id']}/timeline")
        return [one["event_type"] for one in page.get("timeline_entries", [])]

    assert await eventually(told, 30, "The line of the timeline") == ["customer.created"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fronted(suite):
    """The sales service's database behind TLS, as an encrypting server or pooler offers it: its port."""
    url = urlsplit(suite.state["services"]["sales"]["app_url"])
    async with tls_front(url.port, suite.home / "tls/nats") as port:
        yield port


def _url(suite, port, certificate):
    at = urlsplit(suite.state["services"]["sales"]["app_url"])
    place = at.netloc.replace(str(at.port), str(port))
    return at._replace(netloc=place, query=certificates.database_options(certificate)).geturl()


async def test_a_service_reaches_an_encrypted_database_with_its_certificate(suite, fronted):
    """By the URL alone, as `--database-options` writes it; the doctor goes the same way as the service."""
    url = _url(suite, fronted, suite.home / "tls/sales")
    database = await Database.open(url, clock=SystemClock(), log=EventLog({}), pool_size=1)
    try:
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT current_user") == "sales_app"
    finally:
        await database.close()
    found = await databases.examine("sales", url)
    assert [one.level for one in found] == [Level.OK], found


@pytest.mark.parametrize("kind", ["plain", "foreign"])
async def test_an_encrypted_database_is_not_talked_to_otherwise(suite, foreign, fronted, kind):
    url = _url(suite, fronted, foreign)  # believes another authority, too
    if kind == "plain":
        url = url.partition("?")[0] + "?sslmode=disable"
    found = await databases.examine("sales", url)
    assert "cannot be reached" in found[0].sentence


async def test_a_backup_of_one_says_what_it_needs(suite, fronted, monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(LocalError, match="needs pg_dump of PostgreSQL's client programs"):
        await dump("sales", _url(suite, fronted, suite.home / "tls/sales"), "", tmp_path / "sales.dump")


@pytest.mark.parametrize("kind", ["plain", "without a certificate", "foreign"])
async def test_nats_refuses(suite, foreign, kind):
    url, shown = suite.state["nats_url"], contexts(suite, foreign)[kind]
    said = []

    async def hear(error):
        said.append(error)

    with pytest.raises((nats.errors.Error, OSError)):
        await nats.connect(
            url if shown else url.replace("tls://", "nats://"),
            tls=shown, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0, error_cb=hear,
        )  # fmt: skip


async def test_nats_lets_our_certificates_in(suite):
    tls = certificates.context(suite.home / "tls/sales")
    client = await nats.connect(suite.state["nats_url"], tls=tls, allow_reconnect=False)
    assert (await client.jetstream().stream_info("SALES")).config.name == "SALES"
    await client.close()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["plain", "foreign"])
async def test_services_refuse(suite, foreign, service, kind):
    address = suite.state["services"][service]["grpc"]
    transport = Transport() if kind == "plain" else Transport.of(str(foreign))
    async with transport.channel(address, []) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert refused.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


async def test_services_let_each_other_in(suite):
    transport = Transport.of(str(suite.home / "tls/marketing"))
    async with transport.channel(suite.state["services"]["sales"]["grpc"], []) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_doctor_is_content_and_a_backup_can_be_made(suite, tmp_path):
    done = suite.run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "certificate of sales: valid for 364 days" in done.stdout
    assert "NATS: reachable, 5 streams" in done.stdout
    made = suite.run("backup", str(tmp_path / "backup"))
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "backup" / "databases" / "sales.dump").stat().st_size > 10_000


def test_passwords_are_of_no_use_to_other_users_of_the_machine(suite):
    assert {path.stat().st_mode & 0o077 for path in (suite.home / "tls").rglob("tls.key")} == {0}
    assert urlsplit(suite.state["nats_url"]).scheme == "tls"
