from __future__ import annotations

from typing import Any


class TestTeams:
    async def test_needs_the_permission(self, gateway: Any) -> None:
        _, nobody = await gateway.user("teamless")
        async with gateway.client(nobody) as client:
            assert (await client.post("/v1/teams", json={"display_name": "x"})).status_code == 403

    async def test_create_change_and_delete(self, gateway: Any) -> None:
        made = await gateway.create("/v1/teams", display_name="大客户组")
        async with gateway.admin as client:
            changed = await client.patch(f"/v1/teams/{made['id']}", json={"description": "key accounts"})
            assert changed.json()["etag"] == "2"
            member, _ = await gateway.user("member", team_ids=[made["id"]])
            refused = await client.delete(f"/v1/teams/{made['id']}")
            assert (refused.status_code, refused.json()["reason"]) == (409, "TEAM_IN_USE")
            await client.post(f"/v1/users/{member['id']}:assign", json={"assign_mask": "team_ids"})
            assert (await client.delete(f"/v1/teams/{made['id']}")).status_code == 200
        assert await gateway.harness.events(1, of="team.deleted")

    async def test_unknown_leader_and_branch_are_refused(self, gateway: Any) -> None:
        unknown = "0190b6a0-0000-7000-8000-000000000001"
        async with gateway.admin as client:
            for field in ("leader_id", "branch_id"):
                answer = await client.post("/v1/teams", json={"display_name": "x", field: unknown})
                assert [one["field"] for one in answer.json()["violations"]] == [f"team.{field}"]
