"""What the gateway's own calls leave in the audit: sign-ins, locks, roles, keys, and what comes by SCIM."""

from __future__ import annotations

import time
from typing import Any

PERSON = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "by-scim",
    "displayName": "S",
}


async def noted(gateway: Any, condition: str, count: int) -> list[dict[str, Any]]:
    """At least so many events; newest first."""
    deadline = time.monotonic() + 5
    while True:
        async with gateway.admin as client:
            answer = await client.get("/v1/auditEvents", params={"filter": condition, "page_size": 50})
        found: list[dict[str, Any]] = answer.json().get("audit_events", [])
        if len(found) >= count or time.monotonic() > deadline:
            return found


class TestSignIns:
    async def test_failures_and_locks_name_the_account_and_never_a_name_or_an_address(
        self, gateway: Any
    ) -> None:
        made, _ = await gateway.user("watched")
        async with gateway.client() as client:
            for number in range(7):
                await client.post(
                    "/v1/sessions", json={"user_name": "watched", "password": f"guess-{number}"}
                )
        found = await noted(gateway, f'record_id = "{made["id"]}" AND category = REFUSAL', 5)
        assert {one["outcome"] for one in found} == {"CREDENTIALS_INVALID"}
        assert len(found) == 5
        assert {one["principal"] for one in found} == {"anonymous"}
        locked = await noted(gateway, 'outcome = "SIGN_IN_LOCKED"', 2)
        assert len(locked) == 2
        assert len({one["client"] for one in found + locked}) == 1
        assert found[0]["client"]
        assert "10.1.2.3" not in str(found + locked)
        assert "watched" not in str(found + locked)

    async def test_a_sign_in_is_one_event_and_counting_it_is_none(self, gateway: Any) -> None:
        made, _ = await gateway.user("seen")
        about = f'record_id = "{made["id"]}" AND method = "taproot.identity.v1.SessionsService/Login"'
        [one] = await noted(gateway, about, 1)
        assert (one["category"], one["outcome"]) == ("AUDIT_CATEGORY_CHANGE", "OK")


class TestRights:
    async def test_roles_and_keys_are_noted_with_who_made_them(self, gateway: Any) -> None:
        role = await gateway.role("watched_role", ("customers.read", "OWN"))
        [one] = await noted(gateway, f'record_id = "{role["id"]}"', 1)
        assert one["method"].endswith("/CreateRole")
        assert "role.grants" in one["fields"]
        async with gateway.admin as client:
            key = (await client.post("/v1/apiKeys", json={"display_name": "watched"})).json()
        [one] = [
            event
            for event in await noted(gateway, "category = CHANGE", 1)
            if event["method"].endswith("ApiKey")
        ]
        assert key["api_key"]["id"] in one["record_ids"]
        assert key["key"] not in str(one)


async def test_what_comes_by_scim_is_noted_too(gateway: Any) -> None:
    async with gateway.admin as client:
        made = await client.post("/v1/apiKeys", json={"display_name": "scim", "scope": "SCIM"})
    assert made.status_code == 200, made.text
    async with gateway.client(made.json()["key"]) as client:
        person = await client.post(
            "/scim/v2/Users", json=PERSON, headers={"content-type": "application/scim+json"}
        )
    assert person.status_code == 201, person.text
    [one] = await noted(gateway, f'record_id = "{person.json()["id"]}"', 1)
    assert (one["method"], one["permission"]) == ("scim POST", "users.create")
