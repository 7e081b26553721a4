"""A public SCIM client provisions over HTTP, and the checker of its makers finds nothing wrong."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import TypeVar

import pytest_asyncio
from httpx2 import Client as Http
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation, SearchRequest
from scim2_tester import Status, check_server

from taproot_local.api import Client
from taproot_local.demo.company import PASSWORD
from taproot_local.suite import Suite

T = TypeVar("T")
WRONG = {Status.ERROR, Status.CRITICAL}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def key(admin: Client) -> str:
    """An API key that opens SCIM and nothing else."""
    name = f"directory.{uuid.uuid4().hex[:6]}"
    permissions = ("users.*", "teams.*", "branches.read", "roles.read", "api_keys.create")
    grants = [{"permission": one, "scope": "DATA_SCOPE_ALL"} for one in permissions]
    role = await admin.post(
        "/v1/roles", {"code": name.replace(".", "_"), "display_name": name, "grants": grants}
    )
    user = await admin.post("/v1/users", {"user_name": name, "display_name": name, "role_ids": [role["id"]]})
    await admin.post(f"/v1/users/{user['id']}:setPassword", {"password": PASSWORD})
    directory = await admin.signed_in(name, PASSWORD)
    made = await directory.post("/v1/apiKeys", {"display_name": name, "scope": "SCIM"})
    return str(made["key"])


async def as_client(suite: Suite, key: str, work: Callable[[SyncSCIMClient], T]) -> T:
    """The client blocks, so it works in a thread of its own."""

    def run() -> T:
        headers = {"authorization": f"Bearer {key}"}
        with Http(base_url=f"{suite.url}/scim/v2", headers=headers, timeout=30) as http:
            return work(SyncSCIMClient(http))

    return await asyncio.to_thread(run)


def life_of_a_colleague(client: SyncSCIMClient) -> dict[str, object]:
    """What a directory does with one person: joins, is renamed, comes into a team, leaves. Each answer is checked
    by the client against the schemas we publish.
    """
    client.discover()
    user_type, group_type = client.get_resource_model("User"), client.get_resource_model("Group")
    assert user_type is not None
    assert group_type is not None
    name = f"colleague.{uuid.uuid4().hex[:8]}"
    made = client.create(user_type(user_name=name, display_name="Zhang San", active=True))
    found = client.query(user_type, query_parameters=SearchRequest(filter=f'userName eq "{name}"'))
    renamed = PatchOperation(op=PatchOperation.Op.replace_, path="displayName", value="Zhang Sanfeng")
    client.modify(user_type, made.id, PatchOp[user_type](operations=[renamed]))
    team = client.create(group_type(display_name=f"Team {name}", members=[{"value": made.id}]))
    leaving = PatchOperation(op=PatchOperation.Op.replace_, path="active", value=False)
    client.modify(user_type, made.id, PatchOp[user_type](operations=[leaving]))
    left = client.query(user_type, made.id)
    members = client.query(group_type, team.id).members
    client.delete(group_type, team.id)
    return {
        "found": [one.id for one in found.resources or ()] == [made.id],
        "name": left.display_name,
        "active": left.active,
        "in_team": [one.value for one in members or ()] == [made.id],
        "id": made.id,
    }


async def test_a_colleague_comes_and_goes_by_the_directory(suite: Suite, key: str) -> None:
    told = await as_client(suite, key, life_of_a_colleague)
    assert told.pop("id"), told
    assert told == {"found": True, "name": "Zhang Sanfeng", "active": False, "in_team": True}


async def test_the_checker_finds_what_is_published_created_and_deleted_as_the_protocol_says(
    suite: Suite, key: str
) -> None:
    """Its checks of changes write made-up languages and roles, which we refuse, so they are left out."""
    tags = {"discovery", "crud:create", "crud:delete", "misc"}
    results = await as_client(suite, key, lambda client: check_server(client, include_tags=tags))
    wrong = [f"{one.title} {one.resource_type}: {one.reason}" for one in results if one.status in WRONG]
    assert not wrong, "\n".join(wrong)
    assert sum(one.status is Status.SUCCESS for one in results) > 8
