"""A backup under load, everything destroyed, the backup restored: services agree, life goes on, nothing happens twice."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections import Counter

import asyncpg
import nats
import pytest
import pytest_asyncio

from taproot_local.api import eventually
from taproot_local.demo.cast import Cast, Mailbox
from taproot_local.demo.life import play_life
from taproot_local.demo.setting_up import set_up
from taproot_local.services import SERVICES
from taproot_local.suite import running_suite
from taproot_local.testing import scratch_directory

PATIENCE, QUIET_SECONDS = 60, 60
BEFORE, DURING, AFTER = 700_001, (700_002,), 700_003
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("TAPROOT_TEST_UPGRADE"), reason="minutes: `make cluster-test` runs it"
    ),
]
MISSING = "SELECT event_id::text FROM inbox WHERE consumer LIKE '%:' || $1"


class Restored:
    """What was before, and the installation that came out of the backup."""

    def __init__(self, suite, backup):
        self.suite = suite
        self.backup = backup
        self.before = None
        self.entries = []
        self.points = 0
        self.sentence = ""
        self.unknown = {}
        self.sent_before = Counter()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def restored():
    with running_suite() as suite, scratch_directory() as scratch:
        made = Restored(suite, scratch / "backup")
        async with suite.client(patience=PATIENCE) as admin:
            await set_up(admin)
            cast = Cast(admin, Mailbox(admin, suite.mail_url))
            made.before = await play_life(cast, BEFORE, patience=PATIENCE)
            await _back_up_amid(made, cast)
            made.entries = await _timeline(cast, made.before)
            made.sent_before = await _sent(cast)
        await asyncio.to_thread(_destroy, suite)
        done = await asyncio.to_thread(suite.run, "restore", str(made.backup))
        assert done.returncode == 0, done.stderr
        made.sentence = done.stdout
        await asyncio.to_thread(_up, suite)
        yield made


async def _back_up_amid(made, cast):
    """Lives are lived while it is made, and the mail server hangs, so that mails are under way at its point."""
    lives = [asyncio.ensure_future(play_life(cast, number, patience=PATIENCE)) for number in DURING]
    await eventually(lambda: _some_deliveries(cast), PATIENCE, "The first mail of a life")
    sink = made.suite.process("mail")
    sink.send(signal.SIGSTOP)
    try:
        await eventually(lambda: _hanging(cast), PATIENCE, "A mail under way")
        done = await asyncio.to_thread(made.suite.run, "backup", str(made.backup))
    finally:
        sink.send(signal.SIGCONT)
    assert done.returncode == 0, done.stderr
    await asyncio.gather(*lives)


async def _some_deliveries(cast):
    return len([one async for one in cast.admin.pages("/v1/deliveries")]) > 3


async def _hanging(cast):
    """Longer than it takes to write down what the mail server answered before it was halted."""
    found = await _unsent(cast)
    await asyncio.sleep(2)
    still = await _unsent(cast)
    return found and still and found["id"] == still["id"]


async def _unsent(cast):
    return await cast.admin.first("/v1/deliveries", "state = CLAIMED OR state = QUEUED")


async def _sent(cast):
    return Counter(mail["headers"].get("Message-ID") for mail in await cast.mailbox.messages())


async def _timeline(cast, life):
    found = cast.admin.pages(f"/v1/customers/{life.ids['customer']}/timeline", "timeline_entries")
    return sorted([(one["id"], one["event_type"]) async for one in found])


def _destroy(suite):
    """All but the mails, which are out in the world."""
    assert suite.run("down").returncode == 0
    shutil.rmtree((suite.home / "postgres").resolve())
    for path in [*suite.home.iterdir()]:
        if path.is_dir() and path.name != "mail":
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "mail":
            path.unlink()


def _up(suite):
    # The job that takes over what a lost sender has claimed does so after minutes; here after seconds.
    done = suite.run("up", "--detach", TAPROOT_MAIL_CLAIM_SECONDS="1")
    assert done.returncode == 0, done.stderr + done.stdout


async def _rows(suite, service, question, *values):
    connection = await asyncpg.connect(suite.state["services"][service]["owner_url"])
    try:
        return await connection.fetch(question, *values)
    finally:
        await connection.close()


async def _quiet(suite):
    for service in SERVICES:
        if (await _rows(suite, service.name, "SELECT count(*) FROM event_log WHERE published_at IS NULL"))[0][
            0
        ]:
            return False
    bus = await nats.connect(suite.state["nats_url"])
    try:
        streams = [service.peer.upper() for service in SERVICES]
        consumers = [one for name in streams for one in await bus.jetstream().consumers_info(name)]
        return all(one.num_pending == 0 and one.num_ack_pending == 0 for one in consumers)
    finally:
        await bus.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(restored):
    async with restored.suite.client(patience=PATIENCE) as client:
        await eventually(lambda: _quiet(restored.suite), QUIET_SECONDS, "The effect of all events")
        yield client


async def test_no_service_knows_what_its_publisher_does_not(restored, admin):
    """The snapshots are of one point: the inboxes hold no event that is missing in its publisher's log."""
    assert "announced again" in restored.sentence
    for source in SERVICES:
        # What was seen is read first: jobs go on publishing.
        seen = {
            service.name: {row[0] for row in await _rows(restored.suite, service.name, MISSING, source.peer)}
            for service in SERVICES
        }
        known = {row[0] for row in await _rows(restored.suite, source.name, "SELECT id::text FROM event_log")}
        assert {name: ids - known for name, ids in seen.items() if ids - known} == {}, source.name


async def test_services_catch_up_with_each_other(restored, admin):
    """Whatever stands in a log and names a customer stands in the timeline, whether it was read before the backup or not."""
    entries = {row[0] for row in await _rows(restored.suite, "customer", "SELECT id::text FROM timeline")}
    assert entries
    for service in SERVICES:
        # What was logged is read first: jobs go on publishing. The last of it is read within moments.
        logged = await _rows(
            restored.suite, service.name, "SELECT id::text FROM event_log WHERE party_id IS NOT NULL"
        )

        async def caught_up(service=service, logged=logged):
            read = {row[0] for row in await _rows(restored.suite, "customer", MISSING, service.peer)}
            return {row[0] for row in logged} <= read

        await eventually(caught_up, PATIENCE, f"The customer service's reading of {service.name}'s events")


async def test_a_life_from_before_is_as_it_was(restored, admin):
    cast = Cast(admin, Mailbox(admin, restored.suite.mail_url))
    entries = await _timeline(cast, restored.before)
    assert set(restored.entries) <= set(entries)
    # Its entitlements end within the month of notice: the job that says so may have come first only now.
    assert {event for _, event in set(entries) - set(restored.entries)} <= {"entitlement.expiring"}
    assert len(entries) == len(set(entries))
    account = await admin.first("/v1/loyaltyAccounts", f'customer_id = "{restored.before.ids["customer"]}"')
    assert int(account["lifetime_points"]) == restored.before.points


def local(message_id):
    return message_id.partition("@")[0]


async def test_no_mail_is_sent_twice(restored, admin):
    """What was under way at the backup's point came meanwhile: it is held, and staff are asked."""
    mailbox = Mailbox(admin, restored.suite.mail_url)

    async def settled():
        return await admin.first("/v1/deliveries", "state = CLAIMED") is None

    await eventually(settled, PATIENCE, "The end of all claims")
    held = [one async for one in admin.pages("/v1/deliveries", filter="state = UNCERTAIN")]
    assert held
    came = Counter(mail["headers"].get("Message-ID") for mail in await mailbox.messages())
    # By the part before the @, the delivery's id: the rest is chosen when a mail is first claimed.
    assert {local(one["message_id"]) for one in held} <= {local(key) for key in restored.sent_before}
    assert [key for key, number in came.items() if number > 1] == []
    to = Counter((mail["to"], mail["subject"]) for mail in await mailbox.messages())
    assert {to[key] for key in to if key[0] == restored.before.email} == {1}


async def test_life_goes_on(restored, admin):
    cast = Cast(admin, Mailbox(admin, restored.suite.mail_url))
    life = await play_life(cast, AFTER, patience=PATIENCE)
    assert len(life.mails) == 3
    account = await admin.first("/v1/loyaltyAccounts", f'customer_id = "{life.ids["customer"]}"')
    assert int(account["lifetime_points"]) == life.points


def test_a_restore_never_overwrites(restored):
    done = restored.suite.run("restore", str(restored.backup))
    assert done.returncode == 1
    assert "holds an installation already" in done.stderr


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        ("changed", "sales.dump is not what was written"),
        ("missing", "sales.dump is missing"),
        ("unfinished", "holds no finished backup"),
        ("forged", "manifest.json was changed"),
    ],
)
def test_a_damaged_backup_is_refused_in_words(restored, tmp_path, harm, sentence):
    shutil.copytree(restored.backup, tmp_path / "backup")
    dump, manifest = tmp_path / "backup/databases/sales.dump", tmp_path / "backup/manifest.json"
    if harm == "changed":
        content = bytearray(dump.read_bytes())
        content[len(content) // 2] ^= 1
        dump.write_bytes(content)
    elif harm == "missing":
        dump.unlink()
    elif harm == "unfinished":
        manifest.unlink()
    else:
        sealed = json.loads(manifest.read_text())
        manifest.write_text(json.dumps(sealed | {"manifest": sealed["manifest"].replace("sales", "sails")}))
    done = restored.suite.run("restore", str(tmp_path / "backup"), TAPROOT_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    assert sentence in done.stderr
    assert not (tmp_path / "home" / "postgres").exists()


def test_a_backup_is_for_its_owner_alone(restored):
    modes = {path.stat().st_mode & 0o077 for path in (restored.backup, restored.backup / "databases")}
    assert modes == {0}
