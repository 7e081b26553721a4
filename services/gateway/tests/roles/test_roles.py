from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taproot.identity.events.v1.role_event_pb2 import RoleEvent
from taproot_base.access import Grant, Scope
from taproot_gateway.rights import covers, united

PERMISSIONS = st.sampled_from(
    ["*", "*.read", "customers.*", "customers.read", "customers.update", "leads.read"]
)
GRANTS = st.builds(Grant, PERMISSIONS, st.sampled_from(list(Scope)))
CONCRETE = ("customers.read", "customers.update", "leads.read", "leads.delete")


@given(st.lists(GRANTS, max_size=4), GRANTS)
def test_what_covers_a_grant_permits_all_it_permits(mine: list[Grant], wanted: Grant) -> None:
    if not covers(mine, wanted):
        return
    widths = list(Scope)
    for permission in CONCRETE:
        if wanted.covers(permission):
            best = max((widths.index(g.scope) for g in mine if g.covers(permission)), default=-1)
            assert best >= widths.index(wanted.scope), permission


def test_united_grants_take_the_widest_scope() -> None:
    assert united([["a.read", "own"], ["a.read", "branch"], ["b.*", "all"]]) == [
        ("a.read", "branch"),
        ("b.*", "all"),
    ]


class TestCreateRole:
    async def test_needs_the_permission(self, gateway: Any) -> None:
        _, nobody = await gateway.user("no-roles")
        body = {"code": "x", "display_name": "x"}
        async with gateway.client() as client:
            assert (await client.post("/v1/roles", json=body)).status_code == 401
        async with gateway.client(nobody) as client:
            assert (await client.post("/v1/roles", json=body)).status_code == 403

    async def test_stores_and_announces_the_role(self, gateway: Any) -> None:
        made = await gateway.role("announced", ("customers.read", "BRANCH"), masked_classes=["CONTACT"])
        assert made["version"] == "1"
        assert made["grants"] == [{"permission": "customers.read", "scope": "DATA_SCOPE_BRANCH"}]
        assert made["masked_classes"] == ["SENSITIVITY_CONTACT"]
        events = [
            e for e in await gateway.harness.events(1, of="role.created") if str(e.aggregate_id) == made["id"]
        ]
        assert [e.decode(RoleEvent).role.code for e in events] == ["announced"]

    async def test_a_code_is_given_once(self, gateway: Any) -> None:
        await gateway.role("taken")
        async with gateway.admin as client:
            again = await client.post("/v1/roles", json={"code": "taken", "display_name": "x"})
        assert (again.status_code, again.json()["reason"]) == (409, "ROLE_CODE_TAKEN")

    async def test_every_violation_is_listed(self, gateway: Any) -> None:
        async with gateway.admin as client:
            answer = await client.post(
                "/v1/roles", json={"code": "Bad Code", "grants": [{"permission": "?"}]}
            )
        fields = {one["field"] for one in answer.json()["violations"]}
        expected = {"role.code", "role.display_name", "role.grants[0].permission", "role.grants[0].scope"}
        assert fields == expected

    async def test_nobody_grants_more_than_they_have(self, gateway: Any) -> None:
        role = await gateway.role("role_maker", ("roles.*", "ALL"), ("customers.read", "BRANCH"))
        _, token = await gateway.user("role-maker", role)
        async with gateway.client(token) as client:

            async def make(code: str, permission: str, scope: str) -> Any:
                grants = [{"permission": permission, "scope": scope}]
                return await client.post(
                    "/v1/roles", json={"code": code, "display_name": code, "grants": grants}
                )

            assert (await make("fits", "customers.read", "OWN")).status_code == 200
            for permission, scope in (("customers.read", "ALL"), ("customers.*", "OWN"), ("*", "OWN")):
                refused = await make("exceeds", permission, scope)
                assert (refused.status_code, refused.json()["reason"]) == (403, "GRANT_EXCEEDS_CALLER")


class TestUpdateRole:
    async def test_raises_the_version_and_takes_effect(self, gateway: Any) -> None:
        role = await gateway.role("shrinking", ("users.read", "ALL"))
        _, token = await gateway.user("shrinker", role)
        async with gateway.client(token) as client:
            assert (await client.get("/v1/users")).status_code == 200
        async with gateway.admin as client:
            changed = await client.patch(f"/v1/roles/{role['id']}", json={"grants": []})
        assert (changed.json()["version"], changed.json().get("grants")) == ("2", None)
        async with gateway.client(token) as client:
            # At once: 503 while the new version is on its way to the service, then 403. Never 200.
            assert (await client.get("/v1/users")).status_code in (403, 503)

    async def test_a_lost_race_is_refused(self, gateway: Any) -> None:
        role = await gateway.role("raced")
        async with gateway.admin as client:
            tag = (await client.get(f"/v1/roles/{role['id']}")).headers["etag"]
            first = await client.patch(
                f"/v1/roles/{role['id']}", json={"description": "a"}, headers={"if-match": tag}
            )
            second = await client.patch(
                f"/v1/roles/{role['id']}", json={"description": "b"}, headers={"if-match": tag}
            )
        assert (first.status_code, second.status_code) == (200, 412)

    async def test_the_role_of_the_system_stays(self, gateway: Any) -> None:
        async with gateway.admin as client:
            listed = (await client.get("/v1/roles", params={"filter": "system = true"})).json()["roles"]
            assert [role["code"] for role in listed] == ["admin"]
            refused = await client.patch(f"/v1/roles/{listed[0]['id']}", json={"grants": []})
        assert (refused.status_code, refused.json()["reason"]) == (409, "ROLE_IS_SYSTEM")


class TestDeleteRole:
    async def test_only_when_nobody_has_it(self, gateway: Any) -> None:
        role = await gateway.role("held")
        made, _ = await gateway.user("holder", role)
        async with gateway.admin as client:
            refused = await client.delete(f"/v1/roles/{role['id']}")
            assert (refused.status_code, refused.json()["reason"]) == (409, "ROLE_IN_USE")
            await client.post(f"/v1/users/{made['id']}:assign", json={"assign_mask": "role_ids"})
            assert (await client.delete(f"/v1/roles/{role['id']}")).status_code == 200
            assert (await client.get(f"/v1/roles/{role['id']}")).status_code == 404


class TestSeed:
    async def test_the_usual_roles_are_there(self, gateway: Any) -> None:
        async with gateway.admin as client:
            codes = {role["code"] for role in (await client.get("/v1/roles?page_size=200")).json()["roles"]}
        assert codes >= {
            "admin", "head_office_manager", "branch_manager", "sales_rep", "agent", "marketer", "auditor"
        }  # fmt: skip
