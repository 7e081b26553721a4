"""One customer shared with a stranger: its page opens to him, nothing of anybody else does, and it closes again."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from callers import GrpcDoor, hire
from google.protobuf import json_format
from requests_of_others import Sampler
from test_leaks import until

from taproot_base.descriptors import READING
from taproot_gateway.transcoding import contracts
from taproot_local.api import ApiError, Client, Json, in_parallel
from taproot_local.demo.cast import Cast
from taproot_local.demo.company import OFFICE
from taproot_local.demo.life import LifeResult, play_life
from taproot_local.suite import Suite

# What a share of a customer declares to be read: its record, wherever it is found by, its shares and its owners, and
# the caller it is when its telephone rings. Its contacts, orders and tickets keep to their own branches.
OPENED = {
    "taproot.customer.v1.CustomersService.GetCustomer",
    "taproot.customer.v1.CustomersService.ListCustomers",
    "taproot.customer.v1.CustomerSharesService.ListCustomerShares",
    "taproot.customer.v1.DuplicatesService.FindDuplicateCustomers",
    "taproot.customer.v1.HierarchiesService.GetCustomerHierarchy",
    "taproot.customer.v1.HierarchiesService.GetHousehold",
    "taproot.customer.v1.PoolsService.ListOwnershipChanges",
    "taproot.customer.v1.ProfilesService.GetCustomerProfile",
    "taproot.customer.v1.SearchService.SearchCustomers",
    "taproot.customer.v1.TimelineService.ListTimelineEntries",
    "taproot.servicedesk.v1.CallsService.IdentifyCaller",
}
# What taking part in one activity opens: that activity.
OPENED_ACTIVITY = {
    f"taproot.customer.v1.{name}"
    for name in (
        "ActivitiesService.GetActivity",
        "ActivitiesService.ListActivities",
        "AgendasService.ReadAgenda",
    )
}
_METHODS = [
    method
    for service in contracts.load().services()
    for method in service.methods
    if method.name.startswith(READING)
    and not method.server_streaming
    # Tells of calls, the stranger's own among them, with the ids they asked by.
    and service.name != "AuditEventsService"
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(suite: Suite) -> AsyncIterator[GrpcDoor]:
    found = GrpcDoor(str(suite.state["grpc_address"]))
    yield found
    await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def life(cast: Cast) -> LifeResult:
    return await play_life(cast, 9201)


async def told(door: GrpcDoor, caller: Client, life: LifeResult, **more: str) -> set[str]:
    """The methods whose answers hold anything of the life that was not asked with."""
    ids = {one["resource"]: one["resource_id"] for one in life.timeline} | life.ids | more
    secrets = {life.name, life.email, life.phone, life.phone.removeprefix("+86"), life.ids["customer"]}
    words = {"phone": life.phone, "email": life.email, "query": life.name, "address": life.email}
    sampler = Sampler(ids, words)

    async def tells(method: Any) -> bool:
        for request in sampler.requests(method):
            code, answer = await door.call(method, request, caller.token)
            asked = json_format.MessageToJson(request, ensure_ascii=False)
            said = json_format.MessageToJson(answer, ensure_ascii=False) if code == "OK" else ""
            if any(secret in said and secret not in asked for secret in secrets):
                return True
        return False

    telling = await in_parallel([partial(tells, method) for method in _METHODS], 8)
    return {method.full_name for method, found in zip(_METHODS, telling, strict=True) if found}


async def names(caller: Client) -> set[str]:
    """All customers the caller finds."""
    return {one["id"] async for one in caller.pages("/v1/customers", "customers")}


@pytest.mark.parametrize("holder", ["user_id", "branch_id"])
async def test_a_share_opens_one_page_and_nothing_else(
    door: GrpcDoor, admin: Client, life: LifeResult, holder: str
) -> None:
    stranger = await hire(admin, f"shared_{holder}", "bj", {"*": "BRANCH"})
    bystander = await hire(admin, f"beside_{holder}", "hz", {"*": "BRANCH"})
    customer = life.ids["customer"]
    body: Json = {"kind": "ORGANIZATION", "display_name": f"邻 {uuid.uuid4()}", "branch_id": OFFICE["sh"].id}
    await admin.post("/v1/customers", body)
    before = await names(stranger)
    assert customer not in before
    assert await told(door, stranger, life) == set()

    me = (await stranger.get("/v1/sessions/current"))["user"]["id"]
    held_by = {"user_id": me, "branch_id": OFFICE["bj"].id}[holder]
    share = await admin.post(f"/v1/customers/{customer}:share", {holder: held_by})

    async def identified() -> bool:
        asked = await stranger.post("/v1/calls:identify", {"phone": life.phone})
        return customer in {one["customer_id"] for one in asked.get("candidates", [])}

    await until(identified, True)
    assert await names(stranger) == before | {customer}
    opened = await told(door, stranger, life)
    assert opened <= OPENED
    assert opened >= {name for name in OPENED if name.endswith(("GetCustomer", "IdentifyCaller"))}
    assert await told(door, bystander, life) == set()

    await admin.post(f"/v1/customers/{customer}:unshare", {"share_id": share["id"]})
    assert customer not in await names(stranger)
    await until(identified, False)
    assert await told(door, stranger, life) == set()


async def test_taking_part_opens_one_activity_and_nothing_else(
    door: GrpcDoor, admin: Client, life: LifeResult
) -> None:
    stranger = await hire(admin, "guest", "bj", {"*": "BRANCH"})
    bystander = await hire(admin, "beside_guest", "hz", {"*": "BRANCH"})
    me = (await stranger.get("/v1/sessions/current"))["user"]["id"]
    body: Json = {"kind": "MEETING", "display_name": "评审", "customer_id": life.ids["customer"]}
    made = await admin.post("/v1/activities", body)
    beside = await admin.post("/v1/activities", body)
    assert await told(door, stranger, life, activity=made["id"]) == set()

    async def take_part(*people: Json) -> None:
        path = f"/v1/activities/{made['id']}?update_mask=participants"
        await admin.patch(path, {"participants": list(people)})

    await take_part({"user_id": me})
    opened = await told(door, stranger, life, activity=made["id"])
    assert opened <= OPENED_ACTIVITY
    assert opened >= {name for name in OPENED_ACTIVITY if "ActivitiesService" in name}
    assert {one["id"] async for one in stranger.pages("/v1/activities", "activities")} == {made["id"]}
    for path in (f"/v1/activities/{beside['id']}", f"/v1/customers/{life.ids['customer']}"):
        with pytest.raises(ApiError) as refused:
            await stranger.get(path)
        assert refused.value.status == 404
    for verb, given in (("complete", {}), ("cancel", {}), ("comment", {"comment": "x"})):
        with pytest.raises(ApiError) as refused:
            await stranger.post(f"/v1/activities/{made['id']}:{verb}", given)
        assert refused.value.status == 404, verb
    assert await told(door, bystander, life, activity=made["id"]) == set()

    await take_part()
    assert await told(door, stranger, life, activity=made["id"]) == set()
