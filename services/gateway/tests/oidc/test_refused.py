"""Sign-ins by the provider that are refused are in the audit. The provider itself is never reached."""

from __future__ import annotations

from typing import Any

import pytest_asyncio


async def told(gateway: Any, condition: str) -> list[dict[str, Any]]:
    """Newest first; written out before it is asked for."""
    await gateway.doors.refusals.flush()
    async with gateway.admin as client:
        answer = await client.get("/v1/auditEvents", params={"filter": f"category = REFUSAL AND {condition}"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json().get("audit_events", [])
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def federated(start_gateway: Any) -> Any:
    """The provider is never reached: what comes back from the browser is wrong before that."""
    return await start_gateway(oidc_issuer="http://127.0.0.1:1", oidc_client_id="taproot")


class TestOidc:
    async def test_an_answer_nobody_asked_for(self, federated: Any) -> None:
        async with federated.client() as client:
            answer = await client.get("/auth/oidc/callback", params={"code": "stolen", "state": "guessed"})
        assert answer.status_code == 403
        [one] = await told(federated, 'method = "oidc callback"')
        assert one["outcome"] == "OIDC_SIGN_IN_FAILED"
        assert "stolen" not in str(one)

    async def test_a_sign_out_from_another_site(self, federated: Any) -> None:
        async with federated.client(origin="https://evil.example") as client:
            assert (await client.post("/auth/oidc/logout")).status_code == 403
        [one] = await told(federated, 'method = "oidc logout"')
        assert one["outcome"] == "CROSS_SITE_REQUEST"
