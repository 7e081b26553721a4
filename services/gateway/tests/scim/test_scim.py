"""The SCIM endpoint over HTTP, as a directory uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from taproot_gateway.scim.patches import ENTERPRISE
from taproot_gateway.scim.resources import GROUP, USER

PASSWORD = "correct-horse-7"
BASE = "/scim/v2"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


async def key_of(gateway: Any, name: str, *grants: tuple[str, str], scope: str = "SCIM", **body: Any) -> str:
    role = await gateway.role(name, ("api_keys.create", "OWN"), *grants, **body)
    _, token = await gateway.user(name.replace("_", "-"), role)
    async with gateway.client(token) as client:
        made = await client.post("/v1/apiKeys", json={"display_name": "directory", "scope": scope})
    assert made.status_code == 200, made.text
    key: str = made.json()["key"]
    return key


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scim(gateway: Any) -> AsyncIterator[httpx.AsyncClient]:
    key = await key_of(gateway, "directory", ("users.*", "ALL"), ("teams.*", "ALL"))
    async with gateway.client(key) as client:
        answer = await gateway.eventually(lambda: client.get(f"{BASE}/Users"))
        assert answer.status_code == 200, answer.text
        yield client


async def create(scim: httpx.AsyncClient, kind: str, **body: Any) -> dict[str, Any]:
    answer = await scim.post(f"{BASE}/{kind}", json=body, headers={"content-type": "application/scim+json"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def patch(
    scim: httpx.AsyncClient, location: str, *operations: dict[str, Any], **headers: str
) -> httpx.Response:
    body = {"schemas": [PATCH], "Operations": list(operations)}
    return await scim.patch(
        location, json=body, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


def place(resource: dict[str, Any]) -> str:
    return f"{BASE}/{resource['meta']['resourceType']}s/{resource['id']}"


class TestWhoMay:
    async def test_only_a_key_of_its_own_scope(self, gateway: Any, scim: httpx.AsyncClient) -> None:
        other = await key_of(gateway, "no_directory", ("users.*", "ALL"), scope="API")
        for token in ("", "tk_unknown", other, gateway.admin_token):
            async with gateway.client(token) as client:
                answer = await client.get(f"{BASE}/Users")
                assert answer.status_code == 401, token[:4]
                assert answer.headers["www-authenticate"].startswith("Bearer")
        cookie = {"cookie": f"taproot_session={gateway.admin_token}"}
        async with gateway.client(**cookie) as client:
            assert (await client.get(f"{BASE}/Users")).status_code == 401

    async def test_its_key_opens_nothing_else(self, scim: httpx.AsyncClient) -> None:
        for path in ("/v1/users", "/v1/sessions/current", "/v1/events"):
            assert (await scim.get(path)).status_code == 401, path

    async def test_rights_are_those_of_its_user(self, gateway: Any) -> None:
        key = await key_of(gateway, "reads_directory", ("users.read", "ALL"))
        async with gateway.client(key) as client:
            assert (await client.get(f"{BASE}/Users")).status_code == 200
            refused = await client.post(f"{BASE}/Users", json={"userName": "x"})
            assert (refused.status_code, refused.json()["status"]) == (403, "403")
            assert (await client.get(f"{BASE}/Groups")).status_code == 403

    async def test_a_role_beyond_the_key_is_not_given(self, scim: httpx.AsyncClient) -> None:
        answer = await scim.post(f"{BASE}/Users", json={"userName": "climber", "roles": [{"value": "admin"}]})
        assert answer.status_code == 403

    async def test_a_user_who_sees_masked_fields_cannot_use_it(self, gateway: Any) -> None:
        key = await key_of(
            gateway, "masked_directory", ("users.*", "ALL"), masked_classes=["SENSITIVITY_CONTACT"]
        )
        async with gateway.client(key) as client:
            assert (await client.get(f"{BASE}/Users")).status_code == 403


class TestUsers:
    async def test_a_user_comes_and_is_read_back(self, gateway: Any, scim: httpx.AsyncClient) -> None:
        await gateway.role("scim_reader", ("users.read", "OWN"))
        made = await create(
            scim,
            "Users",
            schemas=[USER, ENTERPRISE],
            userName="Han.Mei",
            externalId="ext-1",
            name={"givenName": "梅", "familyName": "韩", "formatted": "韩梅梅"},
            emails=[{"value": "other@example.com"}, {"value": "han@example.com", "primary": True}],
            phoneNumbers=[{"value": "+86 21 5555"}],
            roles=[{"value": "scim_reader"}],
            **{ENTERPRISE: {"employeeNumber": "0815"}},
        )
        assert made["displayName"] == "韩梅梅"
        assert made["emails"] == [{"value": "han@example.com", "type": "work", "primary": True}]
        assert made["roles"][0]["value"] == "scim_reader"
        assert made[ENTERPRISE]["employeeNumber"] == "0815"
        assert made["active"] is True
        read = await scim.get(place(made))
        assert read.json() == made
        assert read.headers["content-type"].startswith("application/scim+json")
        async with gateway.admin as client:
            assert (await client.get(f"/v1/users/{made['id']}")).json()["email"] == "han@example.com"
        assert await gateway.harness.events(1, of="user.created")

    async def test_a_name_is_given_once(self, scim: httpx.AsyncClient) -> None:
        bodies = [{"userName": name} for name in ("twice", "TWICE", "Twice")]
        answers = await asyncio.gather(*(scim.post(f"{BASE}/Users", json=body) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
        refused = next(answer for answer in answers if answer.status_code == 409)
        assert refused.json()["scimType"] == "uniqueness"

    @pytest.mark.parametrize(
        "body",
        [{}, {"userName": "a b"}, {"userName": "x", "emails": [{"value": "nope"}]}, {"userName": "x", "active": "maybe"},
         {"userName": 7}, {"userName": "x", "roles": [{"value": "unknown"}]}, {"userName": "x", "password": "secret-99"}],
        ids=str,
    )  # fmt: skip
    async def test_what_the_api_refuses_is_refused(
        self, scim: httpx.AsyncClient, body: dict[str, Any]
    ) -> None:
        answer = await scim.post(f"{BASE}/Users", json=body)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue"), answer.text
        assert "secret-99" not in answer.text

    async def test_replacing_empties_what_is_absent(self, scim: httpx.AsyncClient) -> None:
        made = await create(
            scim, "Users", userName="put-me", title="Boss", emails=[{"value": "p@example.com"}]
        )
        answer = await scim.put(place(made), json={"userName": "put-me-2", "displayName": "Put"})
        body = answer.json()
        assert (answer.status_code, body["userName"], body["displayName"]) == (200, "put-me-2", "Put")
        assert "title" not in body
        assert "emails" not in body

    async def test_patching_changes_only_what_is_named(self, scim: httpx.AsyncClient) -> None:
        made = await create(
            scim, "Users", userName="patch-me", title="Clerk", emails=[{"value": "c@example.com"}]
        )
        answer = await patch(
            scim,
            place(made),
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "d@example.com"},
            {"op": "add", "path": "name.givenName", "value": "Patch"},
            {"op": "add", "path": f"{ENTERPRISE}:employeeNumber", "value": "77"},
        )
        body = answer.json()
        assert answer.status_code == 200, answer.text
        assert (body["title"], body["emails"][0]["value"]) == ("Clerk", "d@example.com")
        assert (body["displayName"], body[ENTERPRISE]["employeeNumber"]) == ("Patch", "77")
        wrong = await patch(
            scim,
            place(made),
            {"op": "replace", "path": "title", "value": "X"},
            {"op": "remove", "path": "id"},
        )
        assert (wrong.status_code, wrong.json()["scimType"]) == (400, "mutability")
        assert (await scim.get(place(made))).json()["title"] == "Clerk"  # nothing of it was kept

    async def test_inactive_means_no_more_sessions(self, gateway: Any, scim: httpx.AsyncClient) -> None:
        made = await create(scim, "Users", userName="leaves-soon")
        async with gateway.admin as client:
            await client.post(f"/v1/users/{made['id']}:setPassword", json={"password": PASSWORD})
        token = await gateway.sign_in("leaves-soon", PASSWORD)
        answer = await patch(scim, place(made), {"op": "Replace", "path": "active", "value": "False"})
        assert answer.json()["active"] is False
        async with gateway.client(token) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 401
        again = await patch(scim, place(made), {"op": "replace", "value": {"active": True}})
        assert again.json()["active"] is True

    async def test_deleting_and_what_is_not_there(self, scim: httpx.AsyncClient) -> None:
        made = await create(scim, "Users", userName="delete-me")
        assert (await scim.delete(place(made))).status_code == 204
        for path in (place(made), f"{BASE}/Users/nonsense"):
            answer = await scim.get(path)
            assert (answer.status_code, answer.json()["schemas"][0].rpartition(":")[2]) == (404, "Error")

    async def test_portal_users_are_not_the_directorys(self, gateway: Any, scim: httpx.AsyncClient) -> None:
        customer = "0190b6a0-0000-7000-8000-000000000c01"
        portal = await gateway.create(
            "/v1/users", user_name="p@example.com", kind="USER_KIND_PORTAL", customer_id=customer
        )
        assert (await scim.get(f"{BASE}/Users/{portal['id']}")).status_code == 404
        assert (await scim.delete(f"{BASE}/Users/{portal['id']}")).status_code == 404
        found = await scim.get(f"{BASE}/Users", params={"filter": 'userName eq "p@example.com"'})
        assert found.json()["totalResults"] == 0

    async def test_the_last_administrator_stays(self, gateway: Any) -> None:
        async with gateway.admin as client:
            made = await client.post("/v1/apiKeys", json={"display_name": "d", "scope": "SCIM"})
        async with gateway.client(made.json()["key"]) as client:
            found = await client.get(f"{BASE}/Users", params={"filter": 'userName eq "admin"'})
            admin = found.json()["Resources"][0]
            refused = await patch(client, place(admin), {"op": "replace", "path": "active", "value": False})
        assert (refused.status_code, "administer" in refused.json()["detail"]) == (409, True)


class TestVersions:
    async def test_if_match_and_if_none_match(self, scim: httpx.AsyncClient) -> None:
        made = await create(scim, "Users", userName="versioned")
        tag = made["meta"]["version"]
        assert (await scim.get(place(made), headers={"if-none-match": tag})).status_code == 304
        change = {"op": "replace", "path": "title", "value": "T"}
        assert (await patch(scim, place(made), change, if_match=tag)).status_code == 200
        late = await patch(scim, place(made), change, if_match=tag)
        assert (late.status_code, late.json()["status"]) == (412, "412")
        assert (await scim.delete(place(made), headers={"if-match": tag})).status_code == 412
        assert (await scim.get(place(made), headers={"if-none-match": tag})).status_code == 200

    async def test_a_groups_version_changes_with_its_members(self, scim: httpx.AsyncClient) -> None:
        user = await create(scim, "Users", userName="versioned-member")
        group = await create(scim, "Groups", displayName="Versioned")
        add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
        changed = await patch(scim, place(group), add, if_match=group["meta"]["version"])
        assert changed.status_code == 200
        assert changed.json()["meta"]["version"] != group["meta"]["version"]
        assert (await patch(scim, place(group), add, if_match=group["meta"]["version"])).status_code == 412


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def people(scim: httpx.AsyncClient) -> list[dict[str, Any]]:
    return [
        await create(
            scim,
            "Users",
            userName=f"seek-{n}",
            displayName=f"Seek {n}",
            externalId=f"X-{n}",
            title="Even" if n % 2 == 0 else "Odd",
            emails=[{"value": f"Seek{n}@Example.com"}],
            active=n != 3,
        )
        for n in range(5)
    ]


class TestSearch:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('userName eq "SEEK-1"', {1}),
            ('userName sw "seek-" and title eq "even"', {0, 2, 4}),
            ('userName sw "seek-" and not (title eq "even" or active eq false)', {1}),
            ('emails.value eq "seek2@example.com"', {2}),
            ('emails[type eq "work" and value sw "seek3@"]', {3}),
            ('emails[type eq "home"] and userName sw "seek"', set()),
            ('externalId eq "X-4"', {4}),
            ('externalId eq "x-4"', set()),
            ('userName sw "seek-" and active eq false', {3}),
            (
                'userName sw "seek-" and meta.created gt "2000-01-01T00:00:00Z" and userName le "seek-1"',
                {0, 1},
            ),
            ('userName co "_" and userName sw "seek"', set()),
            ('displayName ew "4" and title pr', {4}),
            (f'userName sw "seek-" and {ENTERPRISE}:employeeNumber pr', set()),
        ],
    )
    async def test_filters(self, scim: httpx.AsyncClient, people: Any, text: str, expected: set[int]) -> None:
        answer = await scim.get(f"{BASE}/Users", params={"filter": text})
        assert answer.status_code == 200, answer.text
        assert {int(user["userName"][-1]) for user in answer.json()["Resources"]} == expected

    @pytest.mark.parametrize(
        "text", ['password eq "x"', "userName", 'active co "t"', 'meta.created gt "soon"', 'id sw "0"']
    )
    async def test_what_cannot_be_asked(self, scim: httpx.AsyncClient, text: str) -> None:
        answer = await scim.get(f"{BASE}/Users", params={"filter": text})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")

    async def test_pages_by_position_and_order(self, scim: httpx.AsyncClient, people: Any) -> None:
        asked = {"filter": 'userName sw "seek-"', "sortBy": "userName", "sortOrder": "descending"}
        names = []
        for start in (1, 3, 5, 7):
            page = (await scim.get(f"{BASE}/Users", params=asked | {"startIndex": start, "count": 2})).json()
            assert (page["totalResults"], page["startIndex"]) == (5, start)
            assert page["itemsPerPage"] == len(page["Resources"])
            names += [user["userName"] for user in page["Resources"]]
        assert names == [f"seek-{n}" for n in (4, 3, 2, 1, 0)]
        none = (await scim.get(f"{BASE}/Users", params=asked | {"count": 0})).json()
        assert (none["totalResults"], none["Resources"]) == (5, [])

    async def test_search_by_post_and_chosen_attributes(self, scim: httpx.AsyncClient, people: Any) -> None:
        body: dict[str, Any] = {"filter": 'userName eq "seek-1"', "startIndex": 1, "count": 10}
        found = (await scim.post(f"{BASE}/Users/.search", json=body)).json()["Resources"]
        assert [user["userName"] for user in found] == ["seek-1"]
        only = await scim.get(
            f"{BASE}/Users/{found[0]['id']}", params={"attributes": "userName,emails.value"}
        )
        assert set(only.json()) == {"id", "schemas", "meta", "userName", "emails"}
        less = await scim.get(f"{BASE}/Users", params=body | {"excludedAttributes": "emails,groups"})
        assert not {"emails", "groups"} & set(less.json()["Resources"][0])


class TestGroups:
    async def test_a_group_is_a_team_and_its_members_belong_to_it(
        self, gateway: Any, scim: httpx.AsyncClient
    ) -> None:
        users = [await create(scim, "Users", userName=f"member-{n}") for n in range(3)]
        ids = [user["id"] for user in users]
        group = await create(
            scim,
            "Groups",
            schemas=[GROUP],
            displayName="Service East",
            members=[{"value": ids[0]}, {"value": ids[1]}],
        )
        assert {one["value"] for one in group["members"]} == set(ids[:2])
        async with gateway.admin as client:
            assert (await client.get(f"/v1/teams/{group['id']}")).json()["display_name"] == "Service East"
        assert (await scim.get(place(users[0]))).json()["groups"][0]["display"] == "Service East"
        moved = await patch(
            scim,
            place(group),
            {"op": "remove", "path": f'members[value eq "{ids[0]}"]'},
            {"op": "add", "path": "members", "value": [{"value": ids[2]}]},
            {"op": "replace", "path": "displayName", "value": "Service West"},
        )
        assert moved.status_code == 200, moved.text
        assert {one["value"] for one in moved.json()["members"]} == set(ids[1:])
        found = await scim.get(f"{BASE}/Groups", params={"filter": f'members.value eq "{ids[2]}"'})
        assert [one["displayName"] for one in found.json()["Resources"]] == ["Service West"]
        assert (await scim.delete(place(group))).status_code == 204
        assert (await scim.get(place(users[1]))).json()["groups"] == []

    async def test_a_member_who_is_nobody_is_refused_and_nothing_kept(self, scim: httpx.AsyncClient) -> None:
        body = {"displayName": "Ghosts", "members": [{"value": "0190b6a0-0000-7000-8000-00000000dead"}]}
        answer = await scim.post(f"{BASE}/Groups", json=body)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
        found = await scim.get(f"{BASE}/Groups", params={"filter": 'displayName eq "ghosts"'})
        assert found.json()["totalResults"] == 0

    async def test_all_members_can_be_removed(self, scim: httpx.AsyncClient) -> None:
        user = await create(scim, "Users", userName="only-member")
        group = await create(scim, "Groups", displayName="Emptied", members=[{"value": user["id"]}])
        assert (await patch(scim, place(group), {"op": "remove", "path": "members"})).json()["members"] == []


class TestDiscovery:
    async def test_it_describes_itself(self, scim: httpx.AsyncClient) -> None:
        configuration = (await scim.get(f"{BASE}/ServiceProviderConfig")).json()
        assert configuration["patch"]["supported"] is True
        assert configuration["etag"]["supported"] is True
        types = (await scim.get(f"{BASE}/ResourceTypes")).json()["Resources"]
        assert {one["endpoint"] for one in types} == {"/Users", "/Groups"}
        schemas = (await scim.get(f"{BASE}/Schemas")).json()["Resources"]
        assert {one["id"] for one in schemas} == {USER, GROUP, ENTERPRISE}
        assert (await scim.get(f"{BASE}/Schemas/{USER}")).json()["name"] == "User"

    async def test_every_attribute_of_an_answer_is_in_the_schema(self, scim: httpx.AsyncClient) -> None:
        made = await create(
            scim, "Users", userName="described", title="T", emails=[{"value": "d@example.com"}]
        )
        schema = (await scim.get(f"{BASE}/Schemas/{USER}")).json()
        described = {one["name"] for one in schema["attributes"]}
        assert set(made) - {"schemas", "id", "meta", "externalId"} <= described

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "Nothing", 404), ("DELETE", "Users", 405), ("POST", "Users/x", 405), ("POST", "Schemas", 405),
         ("GET", "Users/a/b", 404), ("GET", "Schemas/none", 404), ("OPTIONS", "Users", 405)],
    )  # fmt: skip
    async def test_other_addresses(
        self, scim: httpx.AsyncClient, method: str, path: str, status: int
    ) -> None:
        answer = await scim.request(method, f"{BASE}/{path}")
        assert (answer.status_code, answer.json()["status"]) == (status, str(status))

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [(b"{", "application/json", 400), (b"[]", "", 400), (b"{}", "text/plain", 415)],
    )
    async def test_bodies_that_cannot_be_read(
        self, scim: httpx.AsyncClient, content: bytes, kind: str, status: int
    ) -> None:
        answer = await scim.post(f"{BASE}/Users", content=content, headers={"content-type": kind})
        assert answer.status_code == status
