"""A person of a customer is invited, chooses a password and sees that one customer."""

from __future__ import annotations

import re
from typing import Any

PASSWORD = "correct-horse-7"
INVITE = "/v1/portalUsers:invite"


async def customer(gateway: Any, name: str) -> dict[str, Any]:
    body = {"kind": "CUSTOMER_KIND_ORGANIZATION", "display_name": name}
    made: dict[str, Any] = await gateway.create("/v1/customers", **body)
    return made


async def invite(gateway: Any, token: str, **body: Any) -> Any:
    async with gateway.client(token) as client:
        return await client.post(INVITE, json=body)


async def accept(gateway: Any, mail: dict[str, Any]) -> Any:
    found = re.search(r"/account#(\S+)", mail["text"])
    assert found
    async with gateway.client() as client:
        body = {"token": found[1], "new_password": PASSWORD}
        return await client.post("/v1/passwords:reset", json=body)


class TestInvitePortalUser:
    async def test_needs_the_permission(self, posting: Any) -> None:
        made = await customer(posting, "Nobody's")
        role = await posting.role("no_inviter", ("customers.read", "ALL"))
        _, token = await posting.user("no-inviter", role)
        body = {"customer_id": made["id"], "email": "x@example.com"}
        assert (await invite(posting, "", **body)).status_code == 401
        assert (await invite(posting, token, **body)).status_code == 403

    async def test_the_person_sees_that_one_customer_and_nothing_else(self, posting: Any, inbox: Any) -> None:
        mine, other = await customer(posting, "Mine"), await customer(posting, "Other")
        body = {"customer_id": mine["id"], "email": "Chen@Mine.example", "display_name": "陈晨"}
        answer = await invite(posting, posting.admin_token, **body, language_code="en")
        assert answer.status_code == 200, answer.text
        user = answer.json()
        assert (user["kind"], user["customer_id"]) == ("USER_KIND_PORTAL", mine["id"])
        mail = await inbox.arrival("Chen@Mine.example")
        assert mail["subject"] == "You are invited"
        assert (await accept(posting, mail)).status_code == 200
        token = await posting.sign_in("chen@mine.example", PASSWORD)
        async with posting.client(token) as client:
            current = (await client.get("/v1/sessions/current")).json()
            assert current["user"]["customer_id"] == mine["id"]
            assert (await client.get(f"/v1/customers/{mine['id']}")).json()["display_name"] == "Mine"
            assert (await client.get(f"/v1/customers/{other['id']}")).status_code == 404
            for path in ("/v1/users", "/v1/customers", "/v1/roles", "/v1/apiKeys"):
                assert (await client.get(path)).status_code == 403, path
            moved = await client.patch(f"/v1/users/{user['id']}", json={"customer_id": other["id"]})
            assert moved.status_code == 403

    async def test_nobody_moves_a_person_to_another_customer(self, posting: Any) -> None:
        first, second = await customer(posting, "First"), await customer(posting, "Second")
        body = {"customer_id": first["id"], "email": "bound@example.com"}
        user = (await invite(posting, posting.admin_token, **body)).json()
        again = await invite(posting, posting.admin_token, **(body | {"customer_id": second["id"]}))
        assert (again.status_code, again.json()["reason"]) == (409, "PORTAL_USER_EXISTS")
        async with posting.admin as client:
            moved = await client.patch(f"/v1/users/{user['id']}", json={"customer_id": second["id"]})
            assert moved.status_code == 400
            assigned = await client.get(f"/v1/users/{user['id']}")
        assert assigned.json()["customer_id"] == first["id"]

    async def test_inviting_again_sends_another_link_until_one_is_used(
        self, posting: Any, inbox: Any
    ) -> None:
        made = await customer(posting, "Again")
        body = {"customer_id": made["id"], "email": "again@example.com"}
        ids = {(await invite(posting, posting.admin_token, **body)).json()["id"] for _ in range(2)}
        assert len(ids) == 1
        mail = await inbox.arrival("again@example.com", 2)
        assert (await accept(posting, mail)).status_code == 200
        assert (await accept(posting, inbox.to("again@example.com")[1])).status_code == 403
        used = await invite(posting, posting.admin_token, **body)
        assert (used.status_code, used.json()["reason"]) == (409, "PORTAL_USER_EXISTS")

    async def test_a_staff_member_is_not_made_a_customer(self, posting: Any) -> None:
        made = await customer(posting, "Staff")
        await posting.create("/v1/users", user_name="staff@example.com")
        answer = await invite(posting, posting.admin_token, customer_id=made["id"], email="Staff@example.com")
        assert answer.json()["reason"] == "PORTAL_USER_EXISTS"

    async def test_a_customer_out_of_sight_is_not_there(self, posting: Any) -> None:
        made = await customer(posting, "Hidden")
        role = await posting.role("own_inviter", ("portal_users.invite", "OWN"), ("customers.read", "OWN"))
        _, token = await posting.user("own-inviter", role)
        async with posting.client(token) as client:
            await posting.eventually(lambda: client.get("/v1/customers"))
        body = {"customer_id": made["id"], "email": "h@example.com"}
        assert (await invite(posting, token, **body)).status_code == 404

    async def test_every_violation_is_listed(self, posting: Any) -> None:
        answer = await invite(posting, posting.admin_token, customer_id="x", email="nope")
        assert {one["field"] for one in answer.json()["violations"]} == {"customer_id", "email"}

    async def test_a_repeat_sends_one_mail(self, posting: Any, inbox: Any) -> None:
        made = await customer(posting, "Repeat")
        async with posting.client(posting.admin_token, **{"idempotency-key": "invite-once"}) as client:
            body = {"customer_id": made["id"], "email": "repeat@example.com"}
            answers = [await client.post(INVITE, json=body) for _ in range(2)]
        assert answers[0].json()["id"] == answers[1].json()["id"]
        await inbox.arrival("repeat@example.com")
        connection = await posting.harness.runtime.database.connect_direct()
        try:
            assert await connection.fetchval("SELECT count(*) FROM account_mails") == 0
        finally:
            await connection.close()
        assert len(inbox.to("repeat@example.com")) == 1

    async def test_without_the_customer_service_it_says_so(self, posting: Any) -> None:
        servicer = posting.harness.process.parts.servicers["taproot.identity.v1.PortalUsersService"]
        peers, servicer._peers = servicer._peers, type(servicer._peers)("identity", None, {})
        try:
            body = {"customer_id": "0190b6a0-0000-7000-8000-000000000c09", "email": "d@example.com"}
            assert (await invite(posting, posting.admin_token, **body)).status_code == 503
        finally:
            servicer._peers = peers
