"""A second factor asked for by a role, with another service behind the gateway."""

from __future__ import annotations

from typing import Any


async def test_the_requirement_reaches_open_sessions_and_even_system_roles(suite: Any) -> None:
    async with suite.admin as client:
        roles = (await client.get("/v1/roles", params={"filter": 'code = "admin"'})).json()["roles"]
        path = f"/v1/roles/{roles[0]['id']}"
        fixed = await client.patch(path, json={"display_name": "Boss"})
        assert (fixed.status_code, fixed.json()["reason"]) == (409, "ROLE_IS_SYSTEM")
        assert (await client.patch(path, json={"second_factor_required": True})).status_code == 200
        assert (await client.get("/v1/customers")).json()["reason"] == "SECOND_FACTOR_REQUIRED"
