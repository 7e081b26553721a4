"""Signing in at a certified OpenID provider (`oidc-provider` of npm), run for these tests."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa

from taproot_gateway.doors import Doors
from taproot_gateway.oidc.handlers import own_path

SITE = "http://taproot.test"
PASSWORD = "correct-horse-7"
CLIENT, SECRET = "taproot crm", "s3cret/with:signs%and+blanks"
ACCOUNTS = {
    "1001": {"preferred_username": "Zhou.Li", "name": "周丽", "groups": ["crm-sales"]},
    "1002": {
        "preferred_username": "new.hire",
        "name": "New Hire",
        "email": "new.hire@example.com",
        "email_verified": True,
        "groups": ["crm-sales", "unknown"],
    },
    "1003": {"preferred_username": "ZHOU.LI", "name": "Somebody else of the same name"},
    "1004": {"preferred_username": "gone.hire", "name": "Gone", "groups": []},
    "1005": {"preferred_username": "not a name!", "name": "?"},
    "1007": {"preferred_username": "comes-back", "name": "Comes Back"},
    "1006": {"preferred_username": "leaver", "name": "Leaver"},
}


class RealProvider:
    def __init__(self, folder: Path, port: int, backchannel: str) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self._folder, self._port, self._backchannel = folder, port, backchannel
        self._process: subprocess.Popen[str] | None = None

    def start(self, key_id: str) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True)
        del jwk["key_ops"]  # the provider verifies with it too
        config = {
            "issuer": self.issuer,
            "port": self._port,
            "accounts": ACCOUNTS,
            "jwks": {"keys": [jwk | {"kid": key_id, "use": "sig", "alg": "RS256"}]},
            "client": {
                "client_id": CLIENT,
                "client_secret": SECRET,
                "redirect_uris": [f"{SITE}/auth/oidc/callback"],
                "post_logout_redirect_uris": [f"{SITE}/"],
                "backchannel_logout_uri": self._backchannel,
                "backchannel_logout_session_required": True,
            },
        }
        (self._folder / "config.json").write_text(json.dumps(config))
        environment = {"PATH": os.environ["PATH"], "NODE_ENV": "test"}
        self._process = subprocess.Popen(
            ["node", "provider.mjs", "config.json"],
            cwd=self._folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == "ready":
                return
        raise AssertionError("the provider did not start")

    def stop(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process.stdout.close()


class Site:
    """The gateway with the provider configured, and browsers before both."""

    def __init__(self, doors: Doors, harness: Any, provider: RealProvider) -> None:
        self.doors, self.harness, self.provider = doors, harness, provider
        self.admin_token = ""

    def browser(self, **headers: str) -> httpx.AsyncClient:
        ours = httpx.ASGITransport(app=self.doors.app, client=("10.1.2.3", 1234))
        mounts = {SITE: ours, "http://": httpx.AsyncHTTPTransport()}
        return httpx.AsyncClient(mounts=mounts, headers=headers, timeout=20)

    async def admin(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        async with self.browser(authorization=f"Bearer {self.admin_token}") as client:
            deadline = time.monotonic() + 20
            while True:
                answer = await client.request(method, SITE + path, json=body or None)
                if answer.status_code != 503 or time.monotonic() > deadline:  # a new role is on its way
                    break
                await asyncio.sleep(0.1)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def authorize(self, browser: httpx.AsyncClient, subject: str, return_to: str = "/") -> str:
        """Signs in at the provider; the address it sends the browser back to."""
        where = SITE + "/auth/oidc/login?" + urlencode({"return_to": return_to})
        answer = await browser.get(where)
        forms = [{"prompt": "login", "login": subject, "password": "any"}, {"prompt": "consent"}]
        while True:
            assert answer.status_code in (302, 303, 200), answer.text
            if answer.status_code == 200:
                answer = await browser.post(answer.url, data=forms.pop(0))
                continue
            location = str(answer.url.join(answer.headers["location"]))
            if location.startswith(SITE):
                return location
            answer = await browser.get(location)

    async def sign_in(self, browser: httpx.AsyncClient, subject: str, return_to: str = "/") -> httpx.Response:
        return await browser.get(await self.authorize(browser, subject, return_to))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(start_service: Any, node_modules: Path, unused_tcp_port_factory: Any) -> AsyncIterator[Site]:
    http, oidc = unused_tcp_port_factory(), unused_tcp_port_factory()
    provider = RealProvider(node_modules, oidc, f"http://127.0.0.1:{http}/auth/oidc/backchannel")
    await asyncio.to_thread(provider.start, "first")
    harness = await start_service(
        "gateway",
        admin_password=PASSWORD,
        http_port=http,
        grpc_door_port=0,
        public_url=SITE,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_provision=True,
        oidc_group_roles="crm-sales=sales_rep,crm-admins=admin",
    )
    try:
        async with Doors(harness.runtime, harness.address) as doors:
            found = Site(doors, harness, provider)
            async with found.browser() as client:
                body = {"user_name": "admin", "password": PASSWORD}
                found.admin_token = (await client.post(SITE + "/v1/sessions", json=body)).json()["token"]
            yield found
    finally:
        provider.stop()


async def current(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(SITE + "/v1/sessions/current")


class TestSignIn:
    async def test_a_user_known_by_name_is_linked_and_gets_the_roles_of_the_groups(self, site: Site) -> None:
        made = await site.admin("POST", "/v1/users", user_name="zhou.li", display_name="Zhou Li")
        async with site.browser() as browser:
            answer = await site.sign_in(browser, "1001", "/customers?view=mine#top")
            assert (answer.status_code, answer.headers["location"]) == (303, "/customers?view=mine#top")
            assert "HttpOnly" in answer.headers["set-cookie"]
            found = (await current(browser)).json()
        assert found["user"]["id"] == made["id"]
        assert found["user"]["display_name"] == "Zhou Li"  # who was here before keeps the record
        assert found["session"]["method"] == "SIGN_IN_METHOD_OIDC"
        assert found["role_codes"] == ["sales_rep"]

    async def test_another_account_of_the_same_name_is_not_let_in(self, site: Site) -> None:
        async with site.browser() as browser:
            answer = await site.sign_in(browser, "1003")
            assert (answer.status_code, answer.json()["reason"]) == (403, "OIDC_NO_USER")
            assert (await current(browser)).status_code == 401

    async def test_a_user_is_made_once(self, site: Site) -> None:
        ids, found = set(), {}
        for _ in range(2):
            async with site.browser() as browser:
                assert (await site.sign_in(browser, "1002")).status_code == 303
                found = (await current(browser)).json()
                ids.add(found["user"]["id"])
        assert len(ids) == 1
        assert found["user"]["email"] == "new.hire@example.com"
        assert found["branch"]["path"] == "/hq/"
        assert found["role_codes"] == ["sales_rep"]

    async def test_roles_follow_the_groups_and_others_are_left_alone(self, site: Site) -> None:
        roles = (await site.admin("GET", "/v1/roles"))["roles"]
        by_code = {role["code"]: role["id"] for role in roles}
        user = await site.admin("POST", "/v1/users", user_name="gone.hire")
        wanted = [by_code["sales_rep"], by_code["auditor"]]
        await site.admin("POST", f"/v1/users/{user['id']}:assign", role_ids=wanted)
        async with site.browser() as browser:
            await site.sign_in(browser, "1004")
            assert (await current(browser)).json()["role_codes"] == ["auditor"]

    async def test_what_is_no_user_name_makes_no_user(self, site: Site) -> None:
        async with site.browser() as browser:
            answer = await site.sign_in(browser, "1005")
        assert answer.status_code == 403

    async def test_a_disabled_user_stays_out(self, site: Site) -> None:
        async with site.browser() as browser:
            assert (await site.sign_in(browser, "1006")).status_code == 303
            user = (await current(browser)).json()["user"]
        await site.admin("POST", f"/v1/users/{user['id']}:disable")
        async with site.browser() as browser:
            answer = await site.sign_in(browser, "1006")
        assert (answer.status_code, answer.json()["reason"]) == (403, "OIDC_NO_USER")

    async def test_a_deleted_users_account_is_free_again(self, site: Site) -> None:
        ids = []
        for _ in range(2):
            async with site.browser() as browser:
                assert (await site.sign_in(browser, "1007")).status_code == 303
                ids.append((await current(browser)).json()["user"]["id"])
            await site.admin("DELETE", f"/v1/users/{ids[-1]}")
        assert ids[0] != ids[1]

    async def test_a_session_that_was_there_before_ends(self, site: Site) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, "1001")
            before = browser.cookies["taproot_session"]
            await site.sign_in(browser, "1001")
            assert browser.cookies["taproot_session"] != before
        async with site.browser(authorization=f"Bearer {before}") as stranger:
            assert (await current(stranger)).status_code == 401


class TestForgedAnswers:
    @pytest.mark.parametrize(
        "change",
        [
            {"state": "x"},
            {"state": None},
            {"iss": "https://evil.example"},
            {"iss": None},
            {"code": "x"},
            {"code": None},
        ],
        ids=str,
    )
    async def test_any_part_that_does_not_fit_is_refused(self, site: Site, change: dict[str, Any]) -> None:
        async with site.browser() as browser:
            where = await site.authorize(browser, "1001")
            query = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
            wrong = {name: value for name, value in (query | change).items() if value is not None}
            answer = await browser.get(f"{SITE}/auth/oidc/callback?{urlencode(wrong)}")
            assert (answer.status_code, answer.json()["reason"]) == (403, "OIDC_SIGN_IN_FAILED")
            assert "taproot_session" not in browser.cookies

    async def test_an_answer_works_only_in_the_browser_that_asked(self, site: Site) -> None:
        """Login CSRF: somebody else's code, brought by a link."""
        async with site.browser() as attacker, site.browser() as victim:
            where = await site.authorize(attacker, "1001")
            assert (await victim.get(where)).status_code == 403
            await victim.get(SITE + "/auth/oidc/login")  # even with a sign-in of its own under way
            assert (await victim.get(where)).status_code == 403

    async def test_a_code_works_once(self, site: Site) -> None:
        async with site.browser() as browser:
            where = await site.authorize(browser, "1001")
            cookie = browser.cookies["taproot_oidc"]
            assert (await browser.get(where)).status_code == 303
        async with site.browser(cookie=f"taproot_oidc={cookie}") as again:
            assert (await again.get(where)).status_code == 403

    @pytest.mark.parametrize(
        "target",
        ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "javascript:x", ""],
    )
    def test_nobody_is_sent_elsewhere(self, target: str) -> None:
        assert own_path(target) == "/"

    async def test_provider_errors_and_other_methods_end_cleanly(self, site: Site) -> None:
        async with site.browser() as browser:
            assert (await browser.get(SITE + "/auth/oidc/callback")).status_code == 403
            assert (await browser.post(SITE + "/auth/oidc/login")).status_code == 404
            assert (await browser.get(SITE + "/auth/oidc/nothing")).status_code == 404


class TestSignOut:
    async def test_ends_here_and_then_at_the_provider(self, site: Site) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, "1001")
            evil = await browser.post(SITE + "/auth/oidc/logout", headers={"origin": "http://evil.test"})
            assert evil.status_code == 403
            answer = await browser.post(SITE + "/auth/oidc/logout", headers={"origin": SITE})
            where = answer.json()["end_session_url"]
            assert where.startswith(site.provider.issuer)
            assert (await current(browser)).status_code == 401
            page = await browser.get(where)
            assert page.status_code == 200
            assert "sign-out" in page.text.lower() or "logout" in page.text.lower()

    async def test_the_provider_ends_it_by_the_back_channel(self, site: Site) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, "1002")
            token = browser.cookies["taproot_session"]
            page = await browser.get(site.provider.issuer + "/session/end")
            action = page.text.split('action="')[1].split('"')[0]
            xsrf = page.text.split('name="xsrf" value="')[1].split('"')[0]
            await browser.post(action, data={"xsrf": xsrf, "logout": "yes"})
        async with site.browser(authorization=f"Bearer {token}") as stranger:
            deadline = time.monotonic() + 5
            while (await current(stranger)).status_code != 401:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)

    async def test_a_made_up_logout_token_ends_nothing(self, site: Site) -> None:
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        claims = {
            "iss": site.provider.issuer,
            "aud": CLIENT,
            "sub": "1001",
            "iat": 1,
            "exp": 2**40,
            "events": {},
        }
        token = jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": "first"})
        async with site.browser() as browser:
            await site.sign_in(browser, "1001")
            answer = await browser.post(SITE + "/auth/oidc/backchannel", data={"logout_token": token})
            assert answer.status_code == 400
            assert (await current(browser)).status_code == 200


class TestSecrets:
    async def test_nothing_of_the_provider_is_stored_in_the_clear(self, site: Site) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, "1001")
            answer = await browser.post(SITE + "/auth/oidc/logout", headers={"origin": SITE})
            hint = parse_qs(urlsplit(answer.json()["end_session_url"]).query)["id_token_hint"][0]
            await site.sign_in(browser, "1001")
        connection = await site.harness.runtime.database.connect_direct()
        try:
            lines = [
                row["line"] for row in await connection.fetch("SELECT t::text AS line FROM oidc_sessions t")
            ]
        finally:
            await connection.close()
        assert lines
        assert not [line for line in lines if hint[:20].encode().hex() in line or hint[:20] in line]

    def test_settings_do_not_print_it(self, site: Site) -> None:
        assert SECRET not in repr(site.harness.runtime.settings)


async def test_new_keys_of_the_provider_are_believed_at_once(site: Site) -> None:
    async with site.browser() as browser:
        assert (await site.sign_in(browser, "1001")).status_code == 303
    await asyncio.to_thread(site.provider.stop)
    await asyncio.to_thread(site.provider.start, "second")
    async with site.browser() as browser:
        assert (await site.sign_in(browser, "1001")).status_code == 303


async def test_without_the_provider_people_are_told_and_passwords_still_work(site: Site) -> None:
    await asyncio.to_thread(site.provider.stop)
    async with site.browser() as browser:
        where = SITE + "/auth/oidc/callback?state=x&code=y"
        assert (await browser.get(where)).status_code == 403
        body = {"user_name": "admin", "password": PASSWORD}
        assert (await browser.post(SITE + "/v1/sessions", json=body)).status_code == 200
