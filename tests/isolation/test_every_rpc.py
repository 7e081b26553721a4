"""Strangers call every RPC there is with the records of one customer's life: none learns of them, none changes them.

The methods come from reflection, their requests from the contracts, so a new RPC is tried without a line here.
All of it runs twice: guarded by the statements' scopes alone, and with the row-level-security policies generated
from the same declarations behind them. Every answer must be the same.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
import pytest_asyncio
from callers import hang_on
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from requests_of_others import Sampler, collection_of

from taproot_base.auth import GATEWAY_KEY, Principal, TokenMinter
from taproot_local.api import Client, Json
from taproot_local.demo.cast import Cast, Mailbox
from taproot_local.demo.company import PASSWORD
from taproot_local.demo.life import OFFICE, LifeResult, play_life
from taproot_local.demo.setting_up import set_up
from taproot_local.suite import Suite, running_suite

pytestmark = pytest.mark.slow
READS = ("Get", "List", "Aggregate", "Search", "Find", "Identify", "Preview", "Compare")
FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
# Shared by the whole enterprise, whoever's life they occur in.
SHARED = {"journey", "template", "form", "segment", "survey", "user", "branch"}
# Tells of the calls themselves, in the order in which they happened to be served: only its code is compared.
TELLS_OF_THE_RUN = "taproot.operations.v1.AuditEventsService."
# Whom a stranger is: name -> office and how far the role reaches. Each role may do everything there is.
REGION = "east"
STRANGERS = {
    "parent": (REGION, "DATA_SCOPE_BRANCH"),
    "sibling": ("bj", "DATA_SCOPE_BRANCH_AND_BELOW"),
    "child": ("hz", "DATA_SCOPE_BRANCH_AND_BELOW"),
    "other_team": (OFFICE, "DATA_SCOPE_TEAM"),
    "colleague": (OFFICE, "DATA_SCOPE_OWN"),
    "nobody": (OFFICE, ""),
}


Answers = dict[tuple[str, str, int], str]
"""(caller, method, number of the request) -> status code and shape of the answer."""
ANSWERS: dict[str, Answers] = {}


@dataclass
class Stranger:
    name: str
    token: str
    user_id: str = ""
    renew: Callable[[], Awaitable[str]] | None = None
    """Signs in anew: some of the calls end the session they are made with, and internal tokens live a minute."""
    inside: bool = False
    """Calls the services themselves, by a token such as the gateway makes."""

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


class Doors:
    """Every method the public gRPC door knows."""

    def __init__(self, address: str, ports: dict[str, int]) -> None:
        self._blocking = grpc.insecure_channel(address)
        database = ProtoReflectionDescriptorDatabase(self._blocking)
        self.pool = DescriptorPool(database)
        names = [name for name in database.get_services() if name.startswith("taproot.")]
        self.methods = [method for name in names for method in self.pool.FindServiceByName(name).methods]
        self._channel = grpc.aio.insecure_channel(address)
        self._services = {
            name.removesuffix(".grpc"): grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            for name, port in ports.items()
            if name.endswith(".grpc")
        }

    def _to(self, method: Any, stranger: Stranger) -> Any:
        package = method.containing_service.full_name.split(".")[1]
        name = {"identity": "gateway", "operations": "sales"}.get(package, package)
        return self._services[name] if stranger.inside else self._channel

    async def call(self, method: Any, request: Any, stranger: Stranger) -> tuple[str, str]:
        """The status code and all that was said, as text."""
        name = f"/{method.containing_service.full_name}/{method.name}"
        answer = message_factory.GetMessageClass(method.output_type)
        channel = self._to(method, stranger)
        open_call = channel.unary_stream if method.server_streaming else channel.unary_unary
        send = open_call(name, type(request).SerializeToString, answer.FromString)
        try:
            sent = send(request, metadata=stranger.metadata, timeout=20)
            answers = [one async for one in sent] if method.server_streaming else [await sent]
        except grpc.aio.AioRpcError as error:
            trailing = dict(error.trailing_metadata() or ())
            return error.code().name, f"{error.details()} {trailing.get('grpc-status-details-bin', b'')!r}"
        return "OK", " ".join(self.text(one) for one in answers)

    def text(self, message: Any) -> str:
        return json_format.MessageToJson(message, ensure_ascii=False, descriptor_pool=self.pool)

    async def close(self) -> None:
        for channel in (self._channel, *self._services.values()):
            await channel.close()
        self._blocking.close()


@pytest.fixture(scope="module", params=["off", "on"], ids="policies-{}".format)
def suite(request: pytest.FixtureRequest) -> Iterator[Suite]:
    with running_suite(TAPROOT_DATABASE_ROW_SECURITY=request.param) as made:
        yield made


@pytest.fixture
def answers(suite: Suite, request: pytest.FixtureRequest) -> Answers:
    """All answers of this run; those of both runs are compared at the end."""
    return ANSWERS.setdefault(request.node.callspec.params["suite"], {})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(suite: Suite) -> AsyncIterator[Client]:
    async with suite.client() as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cast(suite: Suite, admin: Client) -> Cast:
    await set_up(admin)
    return Cast(admin, Mailbox(admin, suite.mail_url))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def doors(suite: Suite) -> AsyncIterator[Doors]:
    found = Doors(str(suite.state["grpc_address"]), suite.state["ports"])
    yield found
    await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def region(cast: Cast, admin: Client) -> str:
    """A branch between the head office, which takes part in every life, and the one where this life is played."""
    assert cast
    office, top = [await admin.first("/v1/branches", f'code = "{code}"') for code in (OFFICE, "hq")]
    assert office is not None
    assert top is not None
    made = await admin.post("/v1/branches", {"code": REGION, "display_name": "East", "parent_id": top["id"]})
    moved = await admin.post(f"/v1/branches/{office['id']}:move", {"parent_id": made["id"]})
    return str(moved["parent_id"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def life(cast: Cast, region: str) -> LifeResult:
    assert region
    return await play_life(cast, 9001)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ids(doors: Doors, life: LifeResult, admin: Client) -> dict[str, str]:
    """What the life has left behind: resource -> id, as the timeline and all lists by customer show it."""
    found = {one["resource"]: one["resource_id"] for one in life.timeline}
    customer = found["customer"] = life.ids["customer"]
    entitled = Stranger("admin", admin.token)
    for method in doors.methods:
        request = message_factory.GetMessageClass(method.input_type)()
        if method.name.startswith("List") and "filter" in request.DESCRIPTOR.fields_by_name:
            request.filter = f'customer_id = "{customer}"'
            code, said = await doors.call(method, request, entitled)
            records = (
                next((v for v in json.loads(said).values() if isinstance(v, list)), [])
                if code == "OK"
                else []
            )
            found |= {collection_of(method): one["id"] for one in records[:1] if "id" in one}
    found |= await _personal(admin)
    found["attachment"] = (await hang_on(admin, customer, "letter.txt", b"Dear all")).json()["id"]
    return {resource: key for resource, key in found.items() if resource not in SHARED}


async def _personal(admin: Client) -> dict[str, str]:
    """What belongs to one user alone, whoever may read what it is about: files, results, views, work under way."""
    export = await admin.post("/v1/exports", {"display_name": "mine"})
    insight = await admin.post("/v1/insights", {"display_name": "mine", "kind": "INSIGHT_KIND_RFM"})
    view = await admin.post("/v1/savedViews", {"display_name": "mine", "collection": "customers"})
    content = base64.b64encode(b"Name\nMine\n").decode()
    loaded = await admin.post("/v1/imports", {"file_name": "mine.csv", "content": content})
    upload = str(uuid.uuid4())
    headers = {"authorization": f"Bearer {admin.token}"}
    sent = await admin.http.post(f"/v1/uploads/{upload}:append", content=b"Name\nMine\n", headers=headers)
    assert sent.status_code == 200, sent.text
    return {
        "upload": upload,
        "export": export["id"],
        "insight": insight["id"],
        "saved_view": view["id"],
        "import": loaded["id"],
        "operation": export["operation"],
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strangers(suite: Suite, region: str, admin: Client) -> dict[str, Stranger]:
    assert region
    made = {"anonymous": Stranger("anonymous", ""), "forged": Stranger("forged", FORGED)}
    minter = TokenMinter.load(suite.home / "keys" / "gateway" / "identity.pem", GATEWAY_KEY)
    portal = Principal(str(uuid.uuid4()), "portal", party_id=str(uuid.uuid4()))

    async def mint() -> str:
        return minter.mint(portal)

    made["portal"] = Stranger("portal", await mint(), portal.subject, mint, inside=True)
    made["expired"] = Stranger("expired", minter.mint(portal, now=time.time() - 3600), inside=True)
    for name, (office, scope) in STRANGERS.items():
        made[name] = await _stranger(admin, name, office, scope)
    return made


async def _stranger(admin: Client, name: str, office: str, scope: str) -> Stranger:
    user_name = f"stranger.{name}.{uuid.uuid4().hex[:6]}"
    roles = []
    if scope:
        role = {
            "code": f"stranger_{name}",
            "display_name": name,
            "grants": [{"permission": "*", "scope": scope}],
        }
        roles = [(await admin.post("/v1/roles", role))["id"]]
    branch = await admin.first("/v1/branches", f'code = "{office}"')
    assert branch is not None
    body: Json = {
        "user_name": user_name, "display_name": user_name, "branch_id": branch["id"], "role_ids": roles,
    }  # fmt: skip
    if scope == "DATA_SCOPE_TEAM":
        team = {"display_name": user_name, "branch_id": branch["id"]}
        body["team_ids"] = [(await admin.post("/v1/teams", team))["id"]]
    user = await admin.post("/v1/users", body)
    await admin.post(f"/v1/users/{user['id']}:setPassword", {"password": PASSWORD})

    async def sign_in() -> str:
        return (await admin.signed_in(user_name, PASSWORD)).token

    return Stranger(name, await sign_in(), str(user["id"]), sign_in)


@dataclass
class Tried:
    """What became of all calls of one caller."""

    codes: Counter[str] = field(default_factory=Counter)
    told: dict[str, list[str]] = field(default_factory=dict)
    """Method -> the victim's data its answers held, other than what was asked with."""
    broken: list[str] = field(default_factory=list)
    answers: Answers = field(default_factory=dict)


async def try_all(
    doors: Doors, stranger: Stranger, sampler: Sampler, secrets: set[str], **only: bool
) -> Tried:
    tried = Tried()
    for method in doors.methods:
        if only.get("reads") and not method.name.startswith(READS):
            continue
        for number, request in enumerate(sampler.requests(method)):
            asked = doors.text(request)
            code, said = await doors.call(method, request, stranger)
            if code == "UNAUTHENTICATED" and stranger.renew is not None:
                stranger.token = await stranger.renew()
                code, said = await doors.call(method, request, stranger)
            tried.codes[code] += 1
            compared = code == "OK" and not method.full_name.startswith(TELLS_OF_THE_RUN)
            tried.answers[stranger.name, method.full_name, number] = (
                f"{code} {shape(said) if compared else ''}"
            )
            if found := sorted(secret for secret in secrets if secret in said and secret not in asked):
                tried.told[method.full_name] = found
            if code in {"INTERNAL", "UNKNOWN"}:
                tried.broken.append(f"{method.full_name} {asked}")
    return tried


def shape(said: str) -> str:
    """An answer without what differs from run to run: which fields there are, and how many records."""

    def parts(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            for name, one in value.items():
                yield from parts(one, f"{path}.{name}")
        elif isinstance(value, list):
            # Records of the same moment come in any order, so lists within lists are not counted.
            yield path if "*" in path else f"{path} {len(value)}"
            for one in value:
                yield from parts(one, f"{path}.*")
        else:
            yield path

    return "\n".join(sorted(set(parts(json.loads(said or "null"), ""))))


@pytest.fixture(scope="module")
def secrets(life: LifeResult, ids: dict[str, str]) -> set[str]:
    return {*ids.values(), life.name, life.email, life.phone, life.phone.removeprefix("+86")}


@pytest.fixture(scope="module")
def sampler(life: LifeResult, ids: dict[str, str]) -> Sampler:
    return Sampler(ids, {"phone": life.phone, "email": life.email, "query": life.name, "address": life.email})


async def test_who_may_see_it_learns_much_by_the_same_calls(
    doors: Doors, sampler: Sampler, secrets: set[str], admin: Client, answers: Answers
) -> None:
    """Otherwise the calls below would prove nothing."""
    entitled = Stranger("admin", admin.token)
    tried = await try_all(doors, entitled, sampler, secrets, reads=True)
    # The life may still be moving, so pages need not hold the same: whether each method tells of it is compared.
    answers |= {call: f"{said.split()[0]} {call[1] in tried.told}" for call, said in tried.answers.items()}
    assert len(tried.told) > 40
    assert tried.broken == []


@pytest.mark.parametrize("name", ["anonymous", "forged", "expired", "portal", *STRANGERS])
async def test_nobody_learns_of_a_life_that_is_not_theirs(
    name: str,
    doors: Doors,
    strangers: dict[str, Stranger],
    sampler: Sampler,
    secrets: set[str],
    answers: Answers,
) -> None:
    tried = await try_all(doors, strangers[name], sampler, secrets)
    answers |= tried.answers
    assert tried.told == {}
    assert tried.broken == []


async def test_nobody_has_changed_it(strangers: dict[str, Stranger], life: LifeResult, admin: Client) -> None:
    """Runs after the calls above."""
    known = {one["id"] for one in life.timeline}
    path = f"/v1/customers/{life.ids['customer']}/timeline"
    since = [one async for one in admin.pages(path, "timeline_entries") if one["id"] not in known]
    theirs = {stranger.user_id for stranger in strangers.values()} | {"anonymous"}
    done = sorted({one["event_type"] for one in since if one["actor"] in theirs})
    assert not done, f"strangers brought about {', '.join(done)}"


def test_the_policies_change_no_answer() -> None:
    """Runs after both walks."""
    assert set(ANSWERS) == {"off", "on"}, "compares both walks: run the whole file"
    off, on = ANSWERS["off"], ANSWERS["on"]
    assert off.keys() == on.keys()
    different = {call: (off[call], on[call]) for call in off if off[call] != on[call]}
    assert not different
