from __future__ import annotations

from typing import Any

import pytest

from taproot_gateway.http.exchange import Request
from taproot_gateway.http.security import Cookies, same_site
from taproot_gateway.transcoding.routes import Router

PASSWORD = "correct-horse-7"


async def nothing() -> Any:
    raise AssertionError


def request(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/v1/x", "", {"host": "crm.example.com", **named}, "https", "", nothing)


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"origin": "https://crm.example.com"}, True),
        ({"origin": "https://evil.example.com"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://crm.example.com.evil.com"}, False),
        ({"origin": "https://partner.example.com"}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "cross-site", "x_taproot_request": "1"}, False),
        ({"x_taproot_request": "1"}, True),
        ({}, False),
    ],
)
def test_only_our_own_pages_write_with_a_cookie(headers: dict[str, str], own: bool) -> None:
    assert same_site(request(**headers), {"https://partner.example.com"}) is own


def test_behind_tls_the_cookie_is_tied_to_the_host() -> None:
    name, value = Cookies(secure=True).set("abc", 60)
    assert name == b"set-cookie"
    assert value.startswith(b"__Host-taproot_session=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize(
    ("proxies", "client"), [(0, "10.0.0.9"), (1, "3.3.3.3"), (2, "2.2.2.2"), (9, "10.0.0.9")]
)
def test_only_our_own_proxies_are_believed(proxies: int, client: str) -> None:
    scope = {
        "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "client": ("10.0.0.9", 1),
        "headers": [(b"x-forwarded-for", b"1.1.1.1, 2.2.2.2"), (b"X-Forwarded-For", b"3.3.3.3")],
    }  # fmt: skip
    assert Request.read(scope, nothing, proxies).client == client


class TestCookies:
    async def test_a_write_from_another_site_is_refused(self, gateway: Any) -> None:
        token = await gateway.sign_in("admin", PASSWORD)
        cookie = {"cookie": f"taproot_session={token}"}
        body = {"display_name": "cookie team"}
        async with gateway.client(**cookie) as client:
            assert (await client.get("/v1/teams")).status_code == 200
            for origin, status in (("http://evil.test", 403), ("http://taproot.test", 200)):
                answer = await client.post("/v1/teams", json=body, headers={"origin": origin})
                assert answer.status_code == status, origin
            assert (await client.post("/v1/teams", json=body)).json()["reason"] == "CROSS_SITE_REQUEST"

    async def test_a_bearer_token_needs_no_such_proof(self, gateway: Any) -> None:
        async with gateway.client(gateway.admin_token, origin="http://elsewhere.test") as client:
            assert (await client.post("/v1/teams", json={"display_name": "bearer team"})).status_code == 200


class TestOtherOrigins:
    async def test_pages_of_others_may_use_only_what_is_public(self, gateway: Any, router: Router) -> None:
        public = [
            route
            for route in router.routes
            if route.access.permission == "public"
            and route.backend != "identity"
            and not route.template.variables
        ]
        headers = {"origin": "http://elsewhere.test", "access-control-request-method": "GET"}
        async with gateway.client(**headers) as client:
            closed = await client.options("/v1/users")
            assert "access-control-allow-origin" not in closed.headers
            login = await client.options("/v1/sessions")
            assert "access-control-allow-origin" not in login.headers
            for route in public:
                open_ = await client.options(route.template.text)
                assert open_.headers["access-control-allow-origin"] == "*"
                assert "access-control-allow-credentials" not in open_.headers
