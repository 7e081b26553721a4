from __future__ import annotations

import asyncio
from typing import Any

from taproot.identity.events.v1.user_event_pb2 import UserEvent

PASSWORD = "correct-horse-7"


async def branch(gateway: Any, code: str, parent_id: str = "") -> dict[str, Any]:
    if not parent_id:
        async with gateway.admin as client:
            listed = await client.get("/v1/branches", params={"filter": 'path = "/hq/"'})
        parent_id = listed.json()["branches"][0]["id"]
    made: dict[str, Any] = await gateway.create(
        "/v1/branches", code=code, display_name=code, parent_id=parent_id
    )
    return made


class TestCreateUser:
    async def test_needs_the_permission(self, gateway: Any) -> None:
        _, nobody = await gateway.user("creates-nothing")
        async with gateway.client() as client:
            assert (await client.post("/v1/users", json={"user_name": "x"})).status_code == 401
        async with gateway.client(nobody) as client:
            assert (await client.post("/v1/users", json={"user_name": "x"})).status_code == 403

    async def test_stores_and_announces_the_user(self, gateway: Any) -> None:
        made = await gateway.create(
            "/v1/users", user_name="Wang.Fang", display_name="王芳", email="w@example.com"
        )
        assert made["state"] == "USER_STATE_ACTIVE"
        assert made["kind"] == "USER_KIND_STAFF"
        events = [
            e for e in await gateway.harness.events(1, of="user.created") if str(e.aggregate_id) == made["id"]
        ]
        assert [e.decode(UserEvent).user.display_name for e in events] == ["王芳"]

    async def test_a_name_is_given_once_whatever_its_case(self, gateway: Any) -> None:
        async with gateway.admin as client:
            calls = [
                client.post("/v1/users", json={"user_name": name}) for name in ("li.na", "LI.NA", "Li.Na")
            ]
            answers = await asyncio.gather(*calls)
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]

    async def test_a_repeat_takes_effect_once(self, gateway: Any) -> None:
        async with gateway.admin as client:
            headers = {"idempotency-key": "user-once"}
            first = await client.post("/v1/users", json={"user_name": "once"}, headers=headers)
            second = await client.post("/v1/users", json={"user_name": "once"}, headers=headers)
            other = await client.post("/v1/users", json={"user_name": "twice"}, headers=headers)
        assert (first.status_code, first.json()) == (200, second.json())
        assert (other.status_code, other.json()["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")

    async def test_an_id_is_given_once(self, gateway: Any) -> None:
        made = await gateway.create(
            "/v1/users", user_name="own-id", id="0190b6a0-0000-7000-8000-00000000abcd"
        )
        async with gateway.admin as client:
            again = await client.post("/v1/users", json={"user_name": "own-id-2", "id": made["id"]})
        assert again.status_code == 409

    async def test_every_violation_is_listed(self, gateway: Any) -> None:
        async with gateway.admin as client:
            body = {
                "user_name": "a b",
                "email": "nope",
                "branch_id": "x",
                "role_ids": ["y"],
                "state": "ACTIVE",
            }
            answer = await client.post("/v1/users", json=body)
        fields = {one["field"] for one in answer.json()["violations"]}
        assert fields == {"user.user_name", "user.email", "user.branch_id", "user.role_ids[0]", "user.state"}

    async def test_a_role_beyond_the_caller_is_refused(self, gateway: Any) -> None:
        small = await gateway.role("small", ("users.*", "ALL"))
        large = await gateway.role("large", ("customers.*", "ALL"))
        _, token = await gateway.user("small-giver", small)
        async with gateway.client(token) as client:
            fits = await client.post("/v1/users", json={"user_name": "given", "role_ids": [small["id"]]})
            exceeds = await client.post("/v1/users", json={"user_name": "given2", "role_ids": [large["id"]]})
        assert fits.status_code == 200
        assert (exceeds.status_code, exceeds.json()["reason"]) == (403, "GRANT_EXCEEDS_CALLER")

    async def test_a_portal_user_needs_a_customer_and_has_no_roles(self, gateway: Any) -> None:
        role = await gateway.role("for_staff")
        async with gateway.admin as client:
            body = {"user_name": "portal", "kind": "PORTAL", "role_ids": [role["id"]]}
            answer = await client.post("/v1/users", json=body)
        fields = {one["field"] for one in answer.json()["violations"]}
        assert fields == {"user.customer_id", "user.role_ids"}


class TestScope:
    async def test_a_branch_sees_its_own_users_and_places_none_elsewhere(self, gateway: Any) -> None:
        east, west = await branch(gateway, "east"), await branch(gateway, "west")
        role = await gateway.role("east_chief", ("users.*", "BRANCH_AND_BELOW"))
        _, token = await gateway.user("east-chief", role, branch_id=east["id"])
        there, _ = await gateway.user("east-worker", branch_id=east["id"])
        elsewhere, _ = await gateway.user("west-worker", branch_id=west["id"])
        async with gateway.client(token) as client:
            names = {user["user_name"] for user in (await client.get("/v1/users")).json()["users"]}
            assert names == {"east-chief", "east-worker"}
            assert (await client.get(f"/v1/users/{there['id']}")).status_code == 200
            assert (await client.get(f"/v1/users/{elsewhere['id']}")).status_code == 404
            placed = await client.post("/v1/users", json={"user_name": "spy", "branch_id": west["id"]})
            assert placed.status_code == 403
            moved = await client.post(f"/v1/users/{there['id']}:assign", json={"branch_id": west["id"]})
            assert moved.status_code == 403


class TestAssignUser:
    async def test_roles_take_effect_without_a_new_session(self, gateway: Any) -> None:
        role = await gateway.role("later", ("users.read", "ALL"))
        made, token = await gateway.user("promoted")
        async with gateway.client(token) as client:
            assert (await client.get("/v1/users")).status_code == 403
        async with gateway.admin as client:
            assigned = await client.post(f"/v1/users/{made['id']}:assign", json={"role_ids": [role["id"]]})
            assert assigned.json()["role_ids"] == [role["id"]]
        async with gateway.client(token) as client:
            assert (await client.get("/v1/users")).status_code == 200

    async def test_update_does_not_assign(self, gateway: Any) -> None:
        made, _ = await gateway.user("no-shortcut")
        async with gateway.admin as client:
            answer = await client.patch(f"/v1/users/{made['id']}", json={"role_ids": []})
        assert [one["field"] for one in answer.json()["violations"]] == ["user.role_ids"]


class TestDisableUser:
    async def test_ends_every_session_and_key_at_once(self, gateway: Any) -> None:
        role = await gateway.role("key_holder", ("api_keys.create", "OWN"))
        made, token = await gateway.user("disabled", role)
        async with gateway.client(token) as client:
            key = (await client.post("/v1/apiKeys", json={"display_name": "bot"})).json()["key"]
        async with gateway.admin as client:
            assert (await client.post(f"/v1/users/{made['id']}:disable", json={})).status_code == 200
            again = await client.post(f"/v1/users/{made['id']}:disable", json={})
            assert (again.status_code, again.json()["reason"]) == (409, "USER_IS_DISABLED")
        for credential in (token, key):
            async with gateway.client(credential) as client:
                assert (await client.get("/v1/sessions/current")).status_code == 401
        async with gateway.client() as client:
            signed = await client.post("/v1/sessions", json={"user_name": "disabled", "password": PASSWORD})
        assert signed.json()["reason"] == "CREDENTIALS_INVALID"

    async def test_the_last_administrator_stays(self, gateway: Any) -> None:
        async with gateway.admin as client:
            me = (await client.get("/v1/sessions/current")).json()["user"]
            for verb, body in (("disable", {}), ("assign", {"assign_mask": "role_ids"})):
                refused = await client.post(f"/v1/users/{me['id']}:{verb}", json=body)
                assert (refused.status_code, refused.json()["reason"]) == (409, "LAST_ADMINISTRATOR"), verb
            assert (await client.delete(f"/v1/users/{me['id']}")).json()["reason"] == "LAST_ADMINISTRATOR"

    async def test_two_administrators_cannot_disable_each_other_at_once(self, gateway: Any) -> None:
        async with gateway.admin as client:
            me = (await client.get("/v1/sessions/current")).json()["user"]
            second, token = await gateway.user("second-admin", {"id": me["role_ids"][0]})
            async with gateway.client(token) as other:
                answers = await asyncio.gather(
                    client.post(f"/v1/users/{second['id']}:disable", json={}),
                    other.post(f"/v1/users/{me['id']}:disable", json={}),
                )
            assert min(answer.status_code for answer in answers) == 200
            assert [answer.status_code for answer in answers].count(200) == 1
            if answers[1].status_code == 200:  # the second one won: undo, for the tests that follow
                async with gateway.client(token) as other:
                    await other.post(f"/v1/users/{me['id']}:enable", json={})
                gateway.admin_token = await gateway.sign_in("admin", PASSWORD)

    async def test_a_lesser_user_does_not_touch_a_greater_one(self, gateway: Any) -> None:
        role = await gateway.role("helpdesk", ("users.*", "ALL"))
        _, token = await gateway.user("helpdesk", role)
        async with gateway.admin as client:
            admin = (await client.get("/v1/sessions/current")).json()["user"]
        async with gateway.client(token) as client:
            for verb, body in (("disable", {}), ("setPassword", {"password": "taken-over-77"})):
                refused = await client.post(f"/v1/users/{admin['id']}:{verb}", json=body)
                assert (refused.status_code, refused.json()["reason"]) == (403, "GRANT_EXCEEDS_CALLER"), verb


class TestAggregateUsers:
    async def test_counts_by_state(self, gateway: Any) -> None:
        async with gateway.admin as client:
            answer = await client.get(
                "/v1/users:aggregate", params={"group_by": "state", "measures": "count()"}
            )
        assert {row["keys"][0] for row in answer.json()["rows"]} <= {
            "active",
            "disabled",
            "ACTIVE",
            "DISABLED",
        }
