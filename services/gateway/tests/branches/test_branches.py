from __future__ import annotations

from typing import Any

import pytest

from taproot.identity.events.v1.branch_event_pb2 import BranchEvent


async def root(gateway: Any) -> str:
    async with gateway.admin as client:
        listed = await client.get("/v1/branches", params={"filter": 'path = "/hq/"'})
    found: str = listed.json()["branches"][0]["id"]
    return found


async def make(gateway: Any, code: str, parent_id: str) -> dict[str, Any]:
    made: dict[str, Any] = await gateway.create(
        "/v1/branches", code=code, display_name=code, parent_id=parent_id
    )
    return made


class TestCreateBranch:
    async def test_needs_the_permission(self, gateway: Any) -> None:
        _, nobody = await gateway.user("opens-nothing")
        async with gateway.client(nobody) as client:
            assert (await client.post("/v1/branches", json={"code": "x"})).status_code == 403

    async def test_takes_path_and_defaults_from_the_parent(self, gateway: Any) -> None:
        made = await make(gateway, "n", await root(gateway))
        below = await make(gateway, "bj", made["id"])
        assert below["path"] == "/hq/n/bj/"
        assert (below["time_zone"], below["currency_code"]) == ("Asia/Shanghai", "CNY")

    async def test_a_code_is_unique_below_one_parent(self, gateway: Any) -> None:
        top = await root(gateway)
        await make(gateway, "s", top)
        async with gateway.admin as client:
            body = {"code": "s", "display_name": "x", "parent_id": top}
            again = await client.post("/v1/branches", json=body)
        assert (again.status_code, again.json()["reason"]) == (409, "BRANCH_CODE_TAKEN")

    async def test_codes_never_change(self, gateway: Any) -> None:
        made = await make(gateway, "fixed", await root(gateway))
        async with gateway.admin as client:
            for body in ({"code": "other"}, {"path": "/x/"}, {"parent_id": made["id"]}):
                assert (await client.patch(f"/v1/branches/{made['id']}", json=body)).status_code == 400, body

    @pytest.mark.parametrize("zone", ["Asia/Nowhere", "x"])
    async def test_a_time_zone_that_is_none_is_refused(self, gateway: Any, zone: str) -> None:
        async with gateway.admin as client:
            body = {"code": "z", "display_name": "z", "parent_id": await root(gateway), "time_zone": zone}
            answer = await client.post("/v1/branches", json=body)
        assert [one["field"] for one in answer.json()["violations"]] == ["branch.time_zone"]


class TestMoveBranch:
    async def test_takes_everything_below_along(self, gateway: Any) -> None:
        top = await root(gateway)
        a, b = await make(gateway, "ma", top), await make(gateway, "mb", top)
        child = await make(gateway, "kid", a["id"])
        grandchild = await make(gateway, "kidkid", child["id"])
        role = await gateway.role("moved_reader", ("users.read", "BRANCH"))
        user, token = await gateway.user("moved-user", role, branch_id=grandchild["id"])
        async with gateway.admin as client:
            moved = await client.post(f"/v1/branches/{child['id']}:move", json={"parent_id": b["id"]})
            assert (moved.status_code, moved.json()["path"]) == (200, "/hq/mb/kid/")
            after = (await client.get(f"/v1/branches/{grandchild['id']}")).json()
        assert (after["path"], after["path_epoch"]) == ("/hq/mb/kid/kidkid/", "1")
        events = [e.decode(BranchEvent) for e in await gateway.harness.events(2, of="branch.moved")]
        assert {(e.previous_path, e.branch.path) for e in events} >= {
            ("/hq/ma/kid/", "/hq/mb/kid/"),
            ("/hq/ma/kid/kidkid/", "/hq/mb/kid/kidkid/"),
        }
        async with gateway.client(token) as client:
            assert (await client.get(f"/v1/users/{user['id']}")).status_code == 200

    async def test_its_old_place_stays_free_for_a_while(self, gateway: Any) -> None:
        """Rows that were being placed there meanwhile must not become another branch's."""
        top = await root(gateway)
        a, b = await make(gateway, "va", top), await make(gateway, "vb", top)
        gone = await make(gateway, "gone", a["id"])
        async with gateway.admin as client:
            await client.post(f"/v1/branches/{gone['id']}:move", json={"parent_id": b["id"]})
            body = {"code": "gone", "display_name": "x", "parent_id": a["id"]}
            taken = await client.post("/v1/branches", json=body)
            back = await client.post(f"/v1/branches/{gone['id']}:move", json={"parent_id": a["id"]})
        assert (taken.status_code, taken.json()["reason"]) == (409, "BRANCH_CODE_TAKEN")
        assert (back.status_code, back.json()["path"]) == (200, "/hq/va/gone/")

    async def test_never_below_itself_and_never_the_head_office(self, gateway: Any) -> None:
        top = await root(gateway)
        a = await make(gateway, "ca", top)
        child = await make(gateway, "cb", a["id"])
        async with gateway.admin as client:
            cycle = await client.post(f"/v1/branches/{a['id']}:move", json={"parent_id": child["id"]})
            head = await client.post(f"/v1/branches/{top}:move", json={"parent_id": child["id"]})
        assert (cycle.json()["reason"], head.json()["reason"]) == ("BRANCH_CYCLE", "BRANCH_IS_ROOT")


class TestDeleteBranch:
    async def test_only_when_it_is_not_in_use(self, gateway: Any) -> None:
        made = await make(gateway, "used", await root(gateway))
        await gateway.user("inhabitant", branch_id=made["id"])
        free = await make(gateway, "free", await root(gateway))
        async with gateway.admin as client:
            refused = await client.delete(f"/v1/branches/{made['id']}")
            assert (refused.status_code, refused.json()["reason"]) == (409, "BRANCH_IN_USE")
            assert (await client.delete(f"/v1/branches/{free['id']}")).status_code == 200
            again = {"code": "free", "display_name": "again", "parent_id": free["parent_id"]}
            assert (await client.post("/v1/branches", json=again)).status_code == 200
