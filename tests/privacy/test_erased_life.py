"""One whole life is exported and erased: nothing of it is found anywhere, and nothing brings it back."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
import sys
import time
import uuid
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from backups import Backup
from everything import Everything, Message

from taproot_local.api import ApiError, Client, Json
from taproot_local.demo.cast import Cast
from taproot_local.demo.life import LifeResult, play_life
from taproot_local.suite import SERVICES, Suite

pytestmark = pytest.mark.slow
NUMBER = 6003
DEADLINE = 120.0
TWIN_KEY = "twin-of-6003"


def words_of(life: LifeResult) -> list[str]:
    return [life.name, life.email, life.phone, life.phone.removeprefix("+86")]


async def ended(admin: Client, operation: Json) -> Json:
    """What became of an operation."""
    until = time.monotonic() + DEADLINE
    while not operation.get("done"):
        assert time.monotonic() < until, operation
        await asyncio.sleep(0.2)
        operation = await admin.get(f"/v1/{operation['name']}")
    assert "error" not in operation, operation
    found: Json = operation["response"]
    return found


@dataclass
class Story:
    """What was seen before, and what came of it."""

    life: LifeResult
    loaded: str
    """The import with the person's row."""
    before: list[str]
    messages: list[Message]
    archive: bytes
    preview: Json
    refused: ApiError
    missing: list[str] = field(default_factory=list)
    erasure: Json = field(default_factory=dict)
    backup: Backup | None = None


@pytest.fixture(scope="module")
def everything(suite: Suite) -> Everything:
    return Everything(suite)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def neighbour(cast: Cast) -> LifeResult:
    """Somebody else, who must not be touched."""
    return await play_life(cast, NUMBER + 3)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def story(
    cast: Cast,
    admin: Client,
    neighbour: LifeResult,
    everything: Everything,
    suite: Suite,
    tmp_path_factory: pytest.TempPathFactory,
) -> Story:
    assert neighbour.ids["customer"]
    life = await play_life(cast, NUMBER)
    customer = life.ids["customer"]
    loaded = await _more(admin, life)
    await everything.consumed()
    told = Story(
        life=life,
        loaded=loaded,
        before=await everything.places(words_of(life)),
        messages=[one for one in await everything.messages() if _says(one, life)],
        archive=await _archive(admin, suite, customer),
        preview=(await admin.post(f"/v1/customers/{customer}:erase", {"validate_only": True}))["response"],
        refused=await _refusal(admin, customer),
    )
    backup = await asyncio.to_thread(Backup.of, suite, "sales", tmp_path_factory.mktemp("backup"))
    body = {"force": True, "reason": "asked for by letter"}
    suite.kill("marketing")
    operation = await admin.post(f"/v1/customers/{customer}:erase", body, key="erase-6003")
    told.missing = await _until_somebody_is_missing(suite, admin, customer)
    suite.kill("customer")
    told.erasure = await ended(admin, operation)
    told.backup = backup
    await everything.consumed()
    return told


async def _until_somebody_is_missing(suite: Suite, admin: Client, customer: str) -> list[str]:
    """Marketing is down, and killed again as often as it comes back, until the erasure says so."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        found = await admin.first("/v1/erasures", f'customer_id = "{customer}"')
        if found and found.get("missing_services"):
            assert found["state"].endswith("RUNNING")
            return [*found.get("done_services", []), *found["missing_services"]]
        if suite.process("marketing").alive():
            suite.kill("marketing")
        await asyncio.sleep(0.05)
    raise AssertionError("the erasure never said that anybody was missing")


def twin_of(life: LifeResult) -> Json:
    return {"kind": "PERSON", "display_name": life.name, "note": f"{life.name} again"}


async def _more(admin: Client, life: LifeResult) -> str:
    """What a life leaves no trace of: a member merged in, a file loaded and one rejected, a task, an objection."""
    customer = life.ids["customer"]
    twin = await admin.post("/v1/customers", twin_of(life), key=TWIN_KEY)
    await admin.post(f"/v1/customers/{customer}:merge", {"source_ids": [twin["id"]]})
    await admin.post("/v1/tasks", {"display_name": f"Call {life.name}", "customer_id": customer})
    body = {"kind": "NOTE", "display_name": f"About {life.name}", "customer_id": customer, "body": life.phone}
    await admin.post("/v1/activities", body)
    await admin.post("/v1/suppressions", {"address": life.email, "note": f"{life.name} said no"})
    company = await admin.post("/v1/customers", {"kind": "ORGANIZATION", "display_name": "Neighbours Ltd"})
    contact = {"customer_id": company["id"], "display_name": life.name, "person_customer_id": customer}
    await admin.post("/v1/contacts", contact)
    made = await admin.post("/v1/exports", {"display_name": "all"})
    await ended(admin, {"name": made["operation"]})
    loaded = await _load(
        admin, f"Name,Phone,E-mail\n{life.name},{life.phone},\nMr. Rejected,,{life.email} \n", start=True
    )
    await _load(admin, f"Name,Phone\n{life.name},{life.phone[:6]} {life.phone[6:]}\n", start=False)
    invitation = {"customer_id": customer, "email": life.email, "display_name": life.name}
    await admin.post("/v1/portalUsers:invite", invitation)
    return loaded


async def _load(admin: Client, text: str, *, start: bool) -> str:
    content = base64.b64encode(text.encode()).decode()
    made = await admin.post("/v1/imports", {"file_name": "people.csv", "content": content})
    if start:
        await ended(admin, await admin.post(f"/v1/imports/{made['id']}:start"))
    return str(made["id"])


async def _archive(admin: Client, suite: Suite, customer: str) -> bytes:
    made = await ended(admin, await admin.post(f"/v1/customers/{customer}:exportPersonalData"))
    headers = {"Authorization": f"Bearer {admin.token}"}
    async with httpx.AsyncClient(base_url=suite.url, headers=headers) as http:
        parts = [
            (await http.get(f"/v1/exports/{made['id']}/download", params={"part": part})).raise_for_status()
            for part in range(made["part_count"])
        ]
    return b"".join(part.content for part in parts)


async def _refusal(admin: Client, customer: str) -> ApiError:
    with pytest.raises(ApiError) as refused:
        await admin.post(f"/v1/customers/{customer}:erase", {"reason": "asked"})
    return refused.value


def _says(message: Message, life: LifeResult) -> bool:
    return any(word.encode() in message.data for word in words_of(life))


class TestBefore:
    def test_the_scanner_finds_the_person_in_every_service(self, story: Story) -> None:
        """Otherwise finding nothing afterwards would prove nothing."""
        found = {place.partition(".")[0] for place in story.before}
        assert found >= set(SERVICES)
        assert any(place.startswith("blob") for place in story.before)
        assert any(place.startswith("SALES") for place in story.before)

    def test_what_is_open_refuses(self, story: Story) -> None:
        assert story.refused.reason == "OPEN_WITH_CUSTOMER"
        assert story.life.ids["complaint"] in str(story.refused)

    def test_the_dry_run_says_what_would_go(self, story: Story) -> None:
        assert {one["reason"] for one in story.preview["obstacles"]} == {"OPEN_COMPLAINT"}
        parts = {
            one["service"]: {row["table"]: row for row in one.get("tables", [])}
            for one in story.preview["parts"]
        }
        assert int(parts["customer"]["customers"]["deleted_count"]) == 2
        assert int(parts["sales"]["invoices"]["blanked_count"]) == 1
        assert int(parts["servicedesk"]["tickets"]["deleted_count"]) == 2
        assert parts["sales"]["invoices"]["retention"]

    def test_the_archive_holds_every_fact_the_scanner_found(self, story: Story) -> None:
        with zipfile.ZipFile(io.BytesIO(story.archive)) as archive:
            names = {name for name in archive.namelist() if name.endswith(".jsonl")}
            index = archive.read("index.html").decode()
            lines = [json.loads(line) for name in names for line in archive.read(name).decode().splitlines()]
        assert all(name in index for name in names)
        assert all(isinstance(line, dict) for line in lines)
        tables = {tuple(place.split(":")[0].split(".")[:2]) for place in story.before if place.count(".") > 1}
        kept = {(name.partition("/")[0], name.partition("/")[2].removesuffix(".jsonl")) for name in names}
        kept |= {(service, "event_log") for service, table in kept if table == "events"}
        services = {("gateway", table) for service, table in kept if service == "identity"}
        missing = {one for one in tables if one[0] in SERVICES} - kept - services
        assert sorted(missing) == []


class TestAfter:
    async def test_nothing_is_found_anywhere(self, story: Story, everything: Everything) -> None:
        assert await everything.places(words_of(story.life)) == []

    async def test_the_customer_is_gone(self, story: Story, admin: Client) -> None:
        with pytest.raises(ApiError) as gone:
            await admin.get(f"/v1/customers/{story.life.ids['customer']}")
        assert gone.value.status == 404

    async def test_the_books_still_add_up(self, story: Story, admin: Client) -> None:
        order = await admin.get(f"/v1/orders/{story.life.ids['order']}")
        assert order["number"]
        assert order["totals"]["total"]["amount"]

    async def test_the_objection_holds_without_the_address(self, story: Story, admin: Client) -> None:
        """A second one for the same address finds the first."""
        again = await admin.post("/v1/suppressions", {"address": story.life.email})
        assert not again.get("address")
        assert again["reason"] in {"MANUAL", "SUPPRESSION_REASON_MANUAL"}

    async def test_the_neighbour_is_whole(self, story: Story, neighbour: LifeResult, admin: Client) -> None:
        assert story.erasure
        customer = await admin.get(f"/v1/customers/{neighbour.ids['customer']}")
        assert customer["display_name"] == neighbour.name
        path = f"/v1/customers/{neighbour.ids['customer']}/timeline"
        assert len([one async for one in admin.pages(path, "timeline_entries")]) >= len(neighbour.timeline)

    async def test_a_repeat_answers_with_the_same_operation(self, story: Story, admin: Client) -> None:
        body = {"force": True, "reason": "asked for by letter"}
        customer = story.life.ids["customer"]
        again = await admin.post(f"/v1/customers/{customer}:erase", body, key="erase-6003")
        assert again["name"] == story.erasure["operation"]

    async def test_the_erasure_says_how_it_went(self, story: Story, admin: Client) -> None:
        found = await admin.get(f"/v1/erasures/{story.erasure['id']}")
        assert found["state"].endswith("SUCCEEDED")
        assert found["done_services"] == ["sales", "servicedesk", "marketing", "identity", "customer"]
        assert found["forced"]

    def test_it_waited_for_the_service_that_was_down_and_said_so(self, story: Story) -> None:
        assert story.missing == ["sales", "servicedesk", "marketing"] or "all" in story.missing


class TestReceipt:
    def test_it_tells_each_service_and_why_rows_stay(self, story: Story) -> None:
        said = json.loads(story.erasure["receipt"]["statement"])
        assert said["customer_id"] == story.life.ids["customer"]
        parts = {one["service"]: one for one in said["services"]}
        assert set(parts) == {"sales", "servicedesk", "marketing", "identity", "customer"}
        tables = {row["table"]: row for row in parts["sales"]["tables"]}
        assert tables["invoices"]["retention"]
        assert tables["leads"]["rows_deleted"] == 1
        assert all(one["events_rewritten"] for name, one in parts.items() if name != "identity")
        assert sum(one["messages_deleted"] for one in parts.values()) >= len(story.messages)

    def test_it_is_verified_offline_and_a_changed_one_is_not(
        self, story: Story, suite: Suite, tmp_path: Path
    ) -> None:
        good, bad = tmp_path / "good.json", tmp_path / "bad.json"
        receipt = story.erasure["receipt"]
        good.write_text(json.dumps(receipt))
        changed = receipt["statement"].replace('"rows_deleted": 1', '"rows_deleted": 9', 1)
        assert changed != receipt["statement"]
        bad.write_text(json.dumps(receipt | {"statement": changed}))
        assert self.verify(suite, good).returncode == 0
        refused = self.verify(suite, bad)
        assert refused.returncode == 1
        assert "signature" in refused.stderr

    def verify(self, suite: Suite, path: Path) -> subprocess.CompletedProcess[str]:
        return suite.run("privacy", "verify", str(path))


class TestNothingBringsThePersonBack:
    async def test_every_projection_rebuilt(self, story: Story, suite: Suite, everything: Everything) -> None:
        def rebuild(service: str) -> None:
            names = suite.run("service", service, "rebuild", "list").stdout.split()
            assert names
            done = suite.run("service", service, "rebuild", *names)
            assert done.returncode == 0, done.stderr

        await asyncio.gather(*(asyncio.to_thread(rebuild, service) for service in SERVICES))
        assert await everything.places(words_of(story.life)) == []
        assert await self.rows_about(story, everything) == set()

    async def test_an_old_message_delivered_again(self, story: Story, everything: Everything) -> None:
        """With ids of their own, so that no inbox knows them."""
        assert len(story.messages) > 10
        published = await everything.publish([self.anew(one) for one in story.messages])
        await everything.consumed()
        await everything.take_back(published)
        assert await everything.places(words_of(story.life)) == []
        assert await self.rows_about(story, everything) == set()

    async def test_the_import_undone(self, story: Story, admin: Client, everything: Everything) -> None:
        await ended(admin, await admin.post(f"/v1/imports/{story.loaded}:undo"))
        assert await everything.places(words_of(story.life)) == []

    async def test_a_creation_repeated(self, story: Story, admin: Client, everything: Everything) -> None:
        """The key is still known; what it made is neither told of nor made again."""
        with pytest.raises(ApiError) as gone:
            await admin.post("/v1/customers", twin_of(story.life), key=TWIN_KEY)
        assert gone.value.status == 404
        assert await everything.places(words_of(story.life)) == []

    async def test_an_old_backup_restored(self, story: Story, suite: Suite, everything: Everything) -> None:
        """It knows nothing of the erasure; the list that outlives backups tells it."""
        assert story.backup is not None
        environment = await asyncio.to_thread(story.backup.restored, suite)
        url = environment["TAPROOT_DATABASE_URL"]
        assert await everything.in_database("sales", words_of(story.life), url)
        command = [sys.executable, "-m", "taproot_sales", "privacy"]
        for verb in ("apply", "list"):
            done = await asyncio.to_thread(
                subprocess.run, [*command, verb], env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
        assert await everything.in_database("sales", words_of(story.life), url) == []
        assert set(story.erasure["subject_hashes"]) <= {line.split()[0] for line in done.stdout.splitlines()}

    def anew(self, message: Message) -> Message:
        key = str(uuid.uuid4())
        return replace(message, headers={**message.headers, "ce-id": key, "Nats-Msg-Id": key})

    async def rows_about(self, story: Story, everything: Everything) -> set[str]:
        """Tables with the customer's id that are neither books nor the memory of the erasure itself."""
        allowed = {
            "allocations", "audit_events", "erasures", "erasure_steps", "event_log", "idempotency", "invoices",
            "ledger_entries", "operations", "orders", "payments", "suppressions",
        }  # fmt: skip
        found = set()
        for service in SERVICES:
            places = await everything.in_database(service, [story.life.ids["customer"]])
            found |= {place.split(".")[1] for place in places}
        return found - allowed

    async def test_the_same_number_may_be_somebody_new(self, story: Story, admin: Client) -> None:
        body = {
            "kind": "PERSON",
            "display_name": "Somebody Else",
            "identifiers": [{"kind": "PHONE", "value": story.life.phone}],
        }
        made = await admin.post("/v1/customers", body)
        assert made["id"] != story.life.ids["customer"]


def test_a_signature_is_ed25519(story: Story) -> None:
    assert len(base64.b64decode(story.erasure["receipt"]["signature"])) == 64
