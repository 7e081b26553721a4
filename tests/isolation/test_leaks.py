"""Seven ways in which other suites have let people see what is not theirs, each tried through the public doors."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from callers import GrpcDoor, hang_on, hire
from requests_of_others import Sampler

from taproot.servicedesk.v1.ticket_service_pb2 import GetTicketRequest, ListTicketsRequest
from taproot.servicedesk.v1.ticket_service_pb2_grpc import TicketsServiceStub
from taproot_base.auth import GATEWAY_KEY, Principal, TokenMinter
from taproot_gateway.transcoding import contracts
from taproot_local.api import ApiError, Client, Json
from taproot_local.demo.cast import Cast
from taproot_local.demo.company import OFFICE
from taproot_local.suite import Suite

SECONDS = 15.0


async def until(look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """What was changed reaches the services a moment later."""
    async with asyncio.timeout(SECONDS):
        while await look() != wanted:
            await asyncio.sleep(0.05)


async def refused(call: Awaitable[Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await call
    return caught.value


async def answered(call: Awaitable[Json]) -> tuple[int, Json]:
    """The status, and the record when there is one."""
    try:
        return 200, await call
    except ApiError as error:
        return error.status, {}


async def sees(caller: Client, customer: Json) -> tuple[bool, bool]:
    """In lists, and by its id."""
    found = await caller.first("/v1/customers", f'display_name = "{customer["display_name"]}"')
    status, _ = await answered(caller.get(f"/v1/customers/{customer['id']}"))
    assert status in {200, 404}
    return found is not None, status == 200


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(suite: Suite) -> AsyncIterator[GrpcDoor]:
    found = GrpcDoor(str(suite.state["grpc_address"]))
    yield found
    await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def make(admin: Client, cast: Cast) -> Callable[..., Awaitable[Json]]:
    assert cast

    async def made(office: str, **values: Any) -> Json:
        body = {
            "kind": "ORGANIZATION",
            "display_name": f"泄漏 {uuid.uuid4().hex}",
            "branch_id": OFFICE[office].id,
        }
        return await admin.post("/v1/customers", body | values)

    return made


def phone() -> Json:
    return {"kind": "PHONE", "value": f"+86 139{uuid.uuid4().int % 10**8:08d}"}


async def test_what_no_role_grants_is_denied_to_the_last_method(
    door: GrpcDoor, admin: Client, cast: Cast
) -> None:
    """Roles, keys, rules, dead letters: no system object is readable because somebody forgot to ask."""
    assert cast
    clerk = await hire(admin, "clerk", "sh", {"customers.read": "ALL"})
    sampler = Sampler({"customer": str(uuid.uuid4())}, {})
    open_, tried = [], 0
    for service in contracts.load().services():
        for method in service.methods:
            permission = method.GetOptions().Extensions[contracts.options_pb2.access].permission
            if "." not in permission or permission == "customers.read" or method.server_streaming:
                continue
            tried += 1
            code, _ = await door.call(method, next(sampler.requests(method)), clerk.token)
            if code not in {"PERMISSION_DENIED", "UNIMPLEMENTED"}:
                open_.append(f"{method.full_name}: {code}")
    assert tried > 300
    assert open_ == []


async def test_a_duplicate_check_tells_nothing_of_other_branches(
    admin: Client, make: Callable[..., Awaitable[Json]]
) -> None:
    number = phone()
    theirs = await make("sh", identifiers=[number])
    grants = {"customers.*": "BRANCH"}
    local, stranger = await hire(admin, "dup_sh", "sh", grants), await hire(admin, "dup_bj", "bj", grants)
    new = {"kind": "ORGANIZATION", "display_name": theirs["display_name"], "identifiers": [number]}
    asked = {"customer": new}
    found = await local.post("/v1/customers:findDuplicates", asked)
    assert theirs["id"] in str(found)
    told = await stranger.post("/v1/customers:findDuplicates", asked)
    assert not told.get("candidates")
    assert await stranger.first("/v1/customers", f'search:"{theirs["display_name"]}"') is None
    # Nor does trying to make it once more.
    created = await answered(stranger.post("/v1/customers", new | {"branch_id": OFFICE["bj"].id}))
    assert theirs["id"] not in str(created)


async def test_a_customer_in_the_portal_sees_no_ticket_of_another(
    suite: Suite, admin: Client, make: Callable[..., Awaitable[Json]]
) -> None:
    ours, others = await make("sh"), await make("sh")
    body = {"display_name": "Heizt nicht", "branch_id": OFFICE["sh"].id}

    async def ticket(customer: Json) -> str:
        while True:
            status, made = await answered(admin.post("/v1/tickets", body | {"customer_id": customer["id"]}))
            if status != 400:  # the customer is on its way to the service desk
                return str(made["id"])
            await asyncio.sleep(0.1)

    async with asyncio.timeout(SECONDS):
        mine, theirs = await ticket(ours), await ticket(others)
    minter = TokenMinter.load(suite.home / "keys" / "gateway" / "identity.pem", GATEWAY_KEY)
    token = minter.mint(Principal(str(uuid.uuid4()), "portal", party_id=ours["id"]))
    metadata = (("authorization", f"Bearer {token}"),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{suite.state['ports']['servicedesk.grpc']}") as channel:
        stub: Any = TicketsServiceStub(channel)
        listed = await stub.ListTickets(ListTicketsRequest(page_size=1000), metadata=metadata)
        assert [one.id for one in listed.tickets] == [mine]
        asked = ListTicketsRequest(filter=f'customer_id = "{others["id"]}"')
        assert not (await stub.ListTickets(asked, metadata=metadata)).tickets
        assert (await stub.GetTicket(GetTicketRequest(id=mine), metadata=metadata)).id == mine
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetTicket(GetTicketRequest(id=theirs), metadata=metadata)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_branch_includes_what_is_below_it_and_loses_what_moves_away(
    admin: Client, make: Callable[..., Awaitable[Json]]
) -> None:
    below = {"customers.read": "BRANCH_AND_BELOW"}
    old, new = await hire(admin, "below_sh", "sh", below), await hire(admin, "below_bj", "bj", below)
    exact = await hire(admin, "exact_sh", "sh", {"customers.read": "BRANCH"})
    code = f"t{uuid.uuid4().hex[:6]}"
    branch = await admin.post(
        "/v1/branches", {"code": code, "display_name": code, "parent_id": OFFICE["sh"].id}
    )

    async with asyncio.timeout(SECONDS):
        while not (customer := (await answered(make("sh", branch_id=branch["id"])))[1]):
            await asyncio.sleep(0.05)  # the branch is on its way to the service
    assert await sees(old, customer) == (True, True)
    assert await sees(new, customer) == (False, False)
    assert await sees(exact, customer) == (False, False)
    await admin.post(f"/v1/branches/{branch['id']}:move", {"parent_id": OFFICE["bj"].id})
    await until(lambda: sees(old, customer), (False, False))
    await until(lambda: sees(new, customer), (True, True))
    assert await sees(exact, customer) == (False, False)
    boss = await hire(admin, "tree_bj", "bj", {"branches.read": "BRANCH_AND_BELOW"})
    outsider = await hire(admin, "tree_sh", "sh", {"branches.read": "BRANCH_AND_BELOW"})
    path = f"/v1/branches/{branch['id']}/lastMove"

    async def done() -> bool:
        return (await answered(boss.get(path)))[1].get("done", False)

    await until(done, wanted=True)
    move = await boss.get(path)
    rows = {part["service"]: int(part.get("row_count", 0)) for part in move["parts"]}
    assert rows.keys() == {"customer", "identity", "marketing", "sales", "servicedesk"}
    assert rows["customer"] >= 1
    assert (move["previous_path"], move["path"]) == (f"/hq/sh/{code}/", f"/hq/bj/{code}/")
    assert (await refused(outsider.get(path))).status == 404


async def export_of(caller: Client) -> tuple[str, str]:
    """Its id, and all it says."""
    key = (await caller.post("/v1/exports", {"file_format": "JSONL"}))["id"]

    async def ended() -> bool:
        return str((await caller.get(f"/v1/exports/{key}"))["state"]).endswith("SUCCEEDED")

    await until(ended, wanted=True)
    return key, (await download(caller, key)).text


async def download(caller: Client, key: str) -> Any:
    headers = {"authorization": f"Bearer {caller.token}"} if caller.token else {}
    return await caller.http.get(f"/v1/exports/{key}/download", headers=headers)


async def test_an_export_holds_what_its_owner_may_see_and_is_the_owners_alone(
    admin: Client, make: Callable[..., Awaitable[Json]]
) -> None:
    number = phone()
    ours, theirs = await make("bj", identifiers=[number]), await make("sh", identifiers=[phone()])
    grants = {"customers.read": "BRANCH", "exports.*": "BRANCH"}
    clerk = await hire(admin, "export_bj", "bj", grants)
    key, said = await export_of(clerk)
    assert ours["id"] in said
    assert theirs["id"] not in said
    assert number["value"].replace(" ", "") in said.replace(" ", "")
    masked = await hire(admin, "export_masked", "bj", grants, masked_classes=["CONTACT"])
    _, veiled = await export_of(masked)
    assert ours["id"] in veiled
    assert number["value"].replace(" ", "") not in veiled.replace(" ", "")
    unread = await hire(admin, "export_blind", "bj", {"exports.*": "BRANCH"})
    assert (await refused(unread.post("/v1/exports", {"file_format": "JSONL"}))).status == 403
    # A file once written is no way around: neither for colleagues, nor administrators, nor nobody.
    statuses = {(await download(one, key)).status_code for one in (masked, admin)}
    assert statuses == {404}
    assert (await download(admin.anonymous(), key)).status_code == 401
    assert (await download(clerk, f"{key}%2f..")).status_code in {400, 404}


async def test_a_file_is_had_by_none_who_does_not_see_its_record_whole(
    admin: Client, make: Callable[..., Awaitable[Json]]
) -> None:
    customer = await make("sh")
    grants = {"customers.read": "BRANCH", "attachments.read": "BRANCH"}
    clerk, stranger = await hire(admin, "file_sh", "sh", grants), await hire(admin, "file_bj", "bj", grants)
    veiled = await hire(admin, "file_veiled", "sh", grants, masked_fields=["attachment.note"])
    blind = await hire(admin, "file_blind", "sh", {"customers.read": "BRANCH"})
    outside = await hire(admin, "file_outside", "sh", {"attachments.read": "ALL"})
    made = await hang_on(admin, customer["id"], "体检报告 2026.html", b"<script>x</script>")
    assert made.status_code == 200, made.text
    path = f"/v1/attachments/{made.json()['id']}:download"

    async def had(caller: Client) -> httpx.Response:
        headers = {"authorization": f"Bearer {caller.token}"} if caller.token else {}
        return await caller.http.get(path, headers=headers)

    async def clerk_has_it() -> bool:
        return (await had(clerk)).status_code == 200

    await until(clerk_has_it, wanted=True)
    found = await had(clerk)
    assert found.content == b"<script>x</script>"
    # No browser runs it in our name.
    assert found.headers["content-type"] == "text/plain"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E4%BD%93")
    assert found.headers["cache-control"] == "no-store"
    for caller, wanted in ((stranger, 404), (veiled, 403), (blind, 403), (outside, 404)):
        answer = await had(caller)
        assert (answer.status_code, b"script" in answer.content) == (wanted, False)
    assert (await had(admin.anonymous())).status_code == 401
    await admin.post(f"/v1/customers/{customer['id']}:assign", {"branch_id": OFFICE["bj"].id})
    assert (await had(clerk)).status_code == 404


async def test_nobody_places_a_record_where_they_may_not(
    admin: Client, make: Callable[..., Awaitable[Json]]
) -> None:
    customer = await make("bj")
    path, away = f"/v1/customers/{customer['id']}", OFFICE["sh"].id
    touch = {"customers.read": "BRANCH", "customers.update": "BRANCH", "customers.create": "BRANCH"}
    clerk = await hire(admin, "touch_bj", "bj", touch)
    boss = await hire(admin, "assign_bj", "bj", touch | {"customers.assign": "BRANCH"})
    for change in ({"branch_id": away}, {"owner_id": boss.user["id"]}):
        for caller in (clerk, boss):
            assert (await answered(caller.patch(path, change)))[0] in {200, 400, 403}
        after = await admin.get(path)  # assigning is a verb of its own: an update does not do it
        assert (after["branch_id"], after["owner_id"]) == (customer["branch_id"], customer["owner_id"])
        assert (await refused(clerk.post(f"{path}:assign", change))).status == 403
    new = {"kind": "ORGANIZATION", "display_name": f"x{uuid.uuid4().hex}", "branch_id": away}
    assert (await refused(clerk.post("/v1/customers", new))).status == 403
    assert (await refused(boss.post(f"{path}:assign", {"branch_id": away}))).status == 403
    after = await admin.get(path)
    assert (after["branch_id"], after["owner_id"]) == (customer["branch_id"], customer["owner_id"])
    assigned = await boss.post(f"{path}:assign", {"owner_id": boss.user["id"]})
    assert assigned["owner_id"] == boss.user["id"]
