"""A forgotten password: the mail goes through a real SMTP server."""

from __future__ import annotations

import re
import statistics
import time
from typing import Any

import pytest

from taproot_gateway.mails.sending import Sender

PASSWORD, NEW = "correct-horse-7", "battery-staple-9"
ASK, RESET = "/v1/passwords:requestReset", "/v1/passwords:reset"


async def ask(gateway: Any, login: str) -> Any:
    async with gateway.client() as client:
        return await client.post(ASK, json={"login": login})


def token_of(mail: dict[str, Any]) -> str:
    found = re.search(r"https://crm\.example\.com/account#(\S+)", mail["text"])
    assert found, mail["text"]
    return found[1]


async def reset(gateway: Any, token: str, password: str = NEW) -> Any:
    async with gateway.client() as client:
        return await client.post(RESET, json={"token": token, "new_password": password})


class TestResetPassword:
    async def test_a_mailed_token_works_once_and_ends_every_session(self, posting: Any, inbox: Any) -> None:
        _, session = await posting.user("forgets", email="forgets@example.com", language_code="zh-CN")
        await inbox.arrival("forgets@example.com")  # the password was set by an administrator
        assert (await ask(posting, "Forgets@Example.com")).status_code == 200
        mail = await inbox.arrival("forgets@example.com", 2)
        assert mail["subject"] == "重新设置密码"
        token = token_of(mail)
        assert (await reset(posting, token, "forgets-me-99")).json()["reason"] == "PASSWORD_HAS_NAME"
        assert (await reset(posting, token)).status_code == 200
        again = await reset(posting, token, "another-thing-55")
        assert (again.status_code, again.json()["reason"]) == (403, "MAILED_TOKEN_INVALID")
        async with posting.client(session) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 401
        assert await posting.sign_in("forgets", NEW)
        assert (await inbox.arrival("forgets@example.com", 3))["subject"] == "您的密码已修改"

    async def test_a_newer_password_ends_the_token(self, posting: Any, inbox: Any) -> None:
        made, _ = await posting.user("overtaken", email="overtaken@example.com")
        await inbox.arrival("overtaken@example.com")
        await ask(posting, "overtaken")
        token = token_of(await inbox.arrival("overtaken@example.com", 2))
        async with posting.admin as client:
            body = {"password": "set-by-somebody-1"}
            assert (await client.post(f"/v1/users/{made['id']}:setPassword", json=body)).status_code == 200
        assert (await reset(posting, token)).status_code == 403

    async def test_it_ends_by_itself(self, posting: Any, inbox: Any) -> None:
        await posting.user("slow-reader", email="slow@example.com")
        await inbox.arrival("slow@example.com")
        await ask(posting, "slow-reader")
        token = token_of(await inbox.arrival("slow@example.com", 2))
        connection = await posting.harness.runtime.database.connect_direct()
        try:
            await connection.execute("UPDATE mailed_tokens SET expire_time = now() - interval '1 second'")
        finally:
            await connection.close()
        assert (await reset(posting, token)).status_code == 403

    async def test_a_disabled_user_gets_nothing_and_an_old_token_no_longer_works(
        self, posting: Any, inbox: Any
    ) -> None:
        made, _ = await posting.user("gone", email="gone@example.com")
        await inbox.arrival("gone@example.com")
        await ask(posting, "gone")
        token = token_of(await inbox.arrival("gone@example.com", 2))
        async with posting.admin as client:
            assert (await client.post(f"/v1/users/{made['id']}:disable", json={})).status_code == 200
        assert (await reset(posting, token)).status_code == 403
        await ask(posting, "gone")
        await self._nothing_waits(posting)
        assert len(inbox.to("gone@example.com")) == 2

    async def test_nobody_is_mailed_who_is_not_known_or_has_no_password(
        self, posting: Any, inbox: Any
    ) -> None:
        await posting.create("/v1/users", user_name="no-password", email="none@example.com")
        for login in ("none@example.com", "nobody@example.com"):
            assert (await ask(posting, login)).status_code == 200
        await self._nothing_waits(posting)
        assert inbox.to("none@example.com") == inbox.to("nobody@example.com") == []

    async def test_a_mailbox_is_not_flooded_and_the_answer_stays_the_same(
        self, posting: Any, inbox: Any
    ) -> None:
        await posting.user("flooded", email="flooded@example.com")
        answers = [await ask(posting, "flooded@example.com") for _ in range(6)]
        assert {(answer.status_code, answer.text) for answer in answers} == {(200, "{}")}
        await self._nothing_waits(posting)
        assert len(inbox.to("flooded@example.com")) == 1 + 3  # the notice of the first password, and three

    async def test_the_answer_tells_nothing_about_who_is_known(self, posting: Any) -> None:
        await posting.user("timed", email="timed@example.com")
        seconds: dict[str, list[float]] = {"timed@example.com": [], "unknown@example.com": []}
        async with posting.client() as client:
            for _ in range(6):
                for login, taken in seconds.items():
                    started = time.perf_counter()
                    answer = await client.post(ASK, json={"login": login})
                    taken.append(time.perf_counter() - started)
                    assert (answer.status_code, answer.text) == (200, "{}")
                    headers = {name.lower() for name in answer.headers} - {"traceparent"}
                    assert "set-cookie" not in headers
        # The work is the same by construction: the queue is written before anybody is looked for.
        known, unknown = (statistics.median(taken) for taken in seconds.values())
        assert 0.2 < known / unknown < 5

    async def test_neither_token_nor_password_is_stored(self, posting: Any, inbox: Any) -> None:
        await posting.user("private", email="private@example.com")
        await inbox.arrival("private@example.com")
        await ask(posting, "private")
        token = token_of(await inbox.arrival("private@example.com", 2))
        connection = await posting.harness.runtime.database.connect_direct()
        try:
            for table in (
                "mailed_tokens",
                "account_mails",
                "sign_in_attempts",
                "sign_in_places",
                "idempotency",
            ):
                lines = [
                    row["line"] for row in await connection.fetch(f"SELECT t::text AS line FROM {table} t")
                ]
                assert not [line for line in lines if token in line or PASSWORD in line], table
            keys = await connection.fetch(
                "SELECT key FROM sign_in_attempts UNION SELECT key FROM sign_in_places"
            )
            assert not [row for row in keys if "private" in row["key"]]
        finally:
            await connection.close()

    async def test_guessing_tokens_is_limited_by_address(self, posting: Any) -> None:
        async with posting.client() as client:
            body = {"token": "tm_guess", "new_password": NEW}
            answers = [await client.post(RESET, json=body) for _ in range(31)]
        assert {answer.status_code for answer in answers} == {403, 429}
        assert (answers[30].status_code, answers[30].json()["reason"]) == (429, "SIGN_IN_LOCKED")

    async def _nothing_waits(self, gateway: Any) -> None:
        """Every mail that can be sent is sent."""
        sender, runtime = Sender(gateway.harness.runtime.settings), gateway.harness.runtime
        with gateway.harness.system_call():
            while await sender.run(runtime.database):
                pass
        connection = await runtime.database.connect_direct()
        try:
            deadline = time.monotonic() + 10
            while await connection.fetchval("SELECT count(*) FROM account_mails"):
                assert time.monotonic() < deadline
        finally:
            await connection.close()


@pytest.mark.parametrize("body", [{"login": ""}, {"login": "x" * 300}])
async def test_a_request_is_checked(posting: Any, body: dict[str, str]) -> None:
    async with posting.client() as client:
        assert (await client.post(ASK, json=body)).status_code == 400


async def test_the_page_behind_the_mailed_link_runs_only_our_own_script(posting: Any) -> None:
    async with posting.client() as client:
        page, script = await client.get("/account"), await client.get("/account.js")
    assert (page.status_code, script.status_code) == (200, 200)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert ASK in script.text
    assert RESET in script.text
