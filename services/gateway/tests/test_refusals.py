"""What the doors refuse before any service is called is in the audit, however often it is tried."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from taproot.identity.v1 import user_service_pb2 as users
from taproot.identity.v1.user_service_pb2_grpc import UsersServiceStub
from taproot_base.auth import Principal
from taproot_gateway import refusals
from taproot_gateway.refusals import CREDENTIAL_INVALID, Refusals

FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
ADDRESS = "10.1.2.3"


async def told(gateway: Any, condition: str) -> list[dict[str, Any]]:
    """Newest first; written out before it is asked for."""
    await gateway.doors.refusals.flush()
    async with gateway.admin as client:
        answer = await client.get("/v1/auditEvents", params={"filter": f"category = REFUSAL AND {condition}"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json().get("audit_events", [])
    return found


class TestRest:
    async def test_guesses_are_one_event_a_minute_with_neither_guess_nor_address(self, gateway: Any) -> None:
        for number in range(20):
            async with gateway.client(f"{FORGED}{number}") as client:
                assert (await client.get("/v1/users")).status_code == 401
        [one] = await told(gateway, 'method = "taproot.identity.v1.UsersService/ListUsers"')
        assert (one["outcome"], one["principal"]) == (CREDENTIAL_INVALID, "anonymous")
        assert one["client"]
        assert ADDRESS not in str(one)
        assert FORGED not in str(one)

    async def test_a_request_without_a_credential_is_no_event(self, gateway: Any) -> None:
        async with gateway.client() as client:
            assert (await client.get("/v1/teams")).status_code == 401
        assert not await told(gateway, 'method = "taproot.identity.v1.TeamsService/ListTeams"')

    async def test_a_page_of_another_site_is_told_with_the_user_it_borrowed(self, gateway: Any) -> None:
        made, token = await gateway.user("borrowed")
        headers = {"cookie": f"taproot_session={token}", "origin": "https://evil.example"}
        async with gateway.client(**headers) as client:
            assert (await client.post("/v1/apiKeys", json={})).status_code == 403
        [one] = await told(gateway, f'outcome = "CROSS_SITE_REQUEST" AND principal = "{made["id"]}"')
        assert one["method"] == "taproot.identity.v1.ApiKeysService/CreateApiKey"


async def test_the_door_for_grpc_tells_too(gateway: Any) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.doors.door.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await UsersServiceStub(channel).GetUser(
                users.GetUserRequest(id="0"), metadata=(("authorization", f"Bearer {FORGED}"),)
            )
    [one] = await told(gateway, 'method = "taproot.identity.v1.UsersService/GetUser"')
    assert one["outcome"] == CREDENTIAL_INVALID


class TestScim:
    async def test_a_key_that_is_none(self, gateway: Any) -> None:
        async with gateway.client("taproot_guessed") as client:
            assert (await client.get("/scim/v2/Users")).status_code == 401
        [one] = await told(gateway, 'method = "scim GET"')
        assert (one["outcome"], one["principal"]) == (CREDENTIAL_INVALID, "anonymous")

    async def test_a_key_without_the_permission(self, gateway: Any) -> None:
        role = await gateway.role("reads_users", ("users.read", "ALL"), ("api_keys.*", "ALL"))
        made, token = await gateway.user("reader", role)
        async with gateway.client(token) as client:
            key = await gateway.eventually(
                lambda: client.post("/v1/apiKeys", json={"display_name": "scim", "scope": "SCIM"})
            )
        assert key.status_code == 200, key.text
        async with gateway.client(key.json()["key"]) as client:
            assert (await client.delete(f"/scim/v2/Users/{made['id']}")).status_code == 403
        [one] = await told(gateway, 'method = "scim DELETE"')
        assert one["principal"] == made["id"]
        assert one["outcome"] == "PERMISSION_DENIED"


class TestGathering:
    """With a clock of our own, on the gateway's database."""

    @pytest.fixture
    def now(self) -> list[float]:
        return [1000.0]

    @pytest.fixture
    def own(self, gateway: Any, now: list[float]) -> Refusals:
        runtime = gateway.harness.runtime
        return Refusals(runtime.database, runtime.directory, b"secret", clock=lambda: now[0])

    async def counts(self, gateway: Any, reason: str) -> list[int]:
        found = await told(gateway, f'outcome = "{reason}"')
        return sorted(int(one["record_count"]) for one in found)

    async def test_the_rest_of_a_minute_is_one_event_with_its_count(
        self, gateway: Any, own: Refusals, now: list[float]
    ) -> None:
        own.note("GUESSED_A", "here", ADDRESS)
        await own.flush()
        for _ in range(49):
            own.note("GUESSED_A", "here", ADDRESS)
        await own.flush()
        assert await self.counts(gateway, "GUESSED_A") == [1]
        now[0] += refusals.GATHER_SECONDS
        await own.flush()
        assert await self.counts(gateway, "GUESSED_A") == [1, 49]

    async def test_callers_and_addresses_are_told_apart(self, gateway: Any, own: Refusals) -> None:
        for address in (ADDRESS, "10.9.9.9"):
            for who in ("one", "other"):
                own.note("GUESSED_B", "here", address, Principal(who, "user"))
        await own.flush()
        assert await self.counts(gateway, "GUESSED_B") == [1, 1, 1, 1]

    async def test_a_flood_of_addresses_is_counted_in_one(
        self, gateway: Any, own: Refusals, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(refusals, "MOST_KINDS", 3)
        for number in range(100):
            own.note("GUESSED_C", "here", f"10.0.0.{number}")
        await own.flush()
        assert await self.counts(gateway, "GUESSED_C") == [1, 1, 1, 97]

    async def test_what_is_silent_for_a_minute_is_forgotten(
        self, gateway: Any, own: Refusals, now: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(refusals, "MOST_KINDS", 1)
        own.note("GUESSED_D", "here", ADDRESS)
        await own.flush()
        now[0] += refusals.GATHER_SECONDS
        await own.flush()
        own.note("GUESSED_D", "there", ADDRESS)
        await own.flush()
        assert {one["method"] for one in await told(gateway, 'outcome = "GUESSED_D"')} == {"here", "there"}

    async def test_what_cannot_be_written_is_kept(
        self, gateway: Any, own: Refusals, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken() -> Any:
            raise OSError

        own.note("GUESSED_E", "here", ADDRESS)
        with monkeypatch.context() as patch:
            patch.setattr(gateway.harness.runtime.database, "connection", broken)
            await own.flush()
        assert await self.counts(gateway, "GUESSED_E") == []
        own.note("GUESSED_E", "here", ADDRESS)
        await own.flush()
        assert await self.counts(gateway, "GUESSED_E") == [2]
