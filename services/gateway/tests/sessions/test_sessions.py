from __future__ import annotations

import asyncio
from typing import Any

import pytest

PASSWORD = "correct-horse-7"


class TestLogin:
    async def test_gives_a_token_a_cookie_and_what_the_caller_may_do(self, gateway: Any) -> None:
        async with gateway.client() as client:
            answer = await client.post("/v1/sessions", json={"user_name": "Admin", "password": PASSWORD})
        body = answer.json()
        assert answer.status_code == 200
        assert body["token"].startswith("ts_")
        assert body["current"]["grants"] == [{"permission": "*", "scope": "DATA_SCOPE_ALL"}]
        assert body["current"]["session"]["ip_address"] == "10.1.2.3"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie

    async def test_cookie_only_keeps_the_token_out_of_the_body(self, gateway: Any) -> None:
        body = {"user_name": "admin", "password": PASSWORD, "cookie_only": True}
        async with gateway.client() as client:
            answer = await client.post("/v1/sessions", json=body)
            assert "token" not in answer.json()
            current = await client.get("/v1/sessions/current")  # the client kept the cookie
        assert current.json()["user"]["user_name"] == "admin"

    @pytest.mark.parametrize("name", ["admin", "nobody-of-that-name"])
    async def test_a_wrong_password_and_an_unknown_name_look_the_same(self, gateway: Any, name: str) -> None:
        async with gateway.client() as client:
            answer = await client.post("/v1/sessions", json={"user_name": name, "password": "wrong"})
        assert (answer.status_code, answer.json()["reason"]) == (401, "CREDENTIALS_INVALID")

    async def test_parallel_guesses_get_no_more_attempts_than_the_limit(self, gateway: Any) -> None:
        await gateway.user("guessed")
        async with gateway.client() as client:
            guesses = [
                client.post("/v1/sessions", json={"user_name": "guessed", "password": f"guess-{n}"})
                for n in range(12)
            ]
            answers = await asyncio.gather(*guesses)
            reasons = [answer.json()["reason"] for answer in answers]
            # One attempt was the sign-in itself, which forgot the ones before it.
            assert reasons.count("CREDENTIALS_INVALID") == 5
            assert reasons.count("SIGN_IN_LOCKED") == 7
            right = await client.post("/v1/sessions", json={"user_name": "guessed", "password": PASSWORD})
        assert right.status_code == 429
        assert 0 < int(right.headers["retry-after"]) <= 30

    async def test_an_administrator_lifts_the_lock(self, gateway: Any) -> None:
        made, _ = await gateway.user("locked")
        async with gateway.client() as client:
            for n in range(6):
                await client.post("/v1/sessions", json={"user_name": "locked", "password": f"guess-{n}"})
        async with gateway.admin as client:
            assert (await client.post(f"/v1/users/{made['id']}:unlock", json={})).status_code == 200
        assert await gateway.sign_in("locked", PASSWORD)

    async def test_no_credential_is_stored_or_announced_in_the_clear(self, gateway: Any) -> None:
        token = await gateway.sign_in("admin", PASSWORD)
        connection = await gateway.harness.runtime.database.connect_direct()
        try:
            for table in ("sessions", "credentials", "event_log"):
                rows = await connection.fetch(f"SELECT t::text AS line FROM {table} t")
                assert all(token not in row["line"] and PASSWORD not in row["line"] for row in rows)
            payloads = await connection.fetch("SELECT payload FROM event_log WHERE aggregate_type = 'user'")
            assert all(PASSWORD.encode() not in row["payload"] for row in payloads)
            digest = await connection.fetchval("SELECT password_hash FROM credentials LIMIT 1")
        finally:
            await connection.close()
        assert digest.startswith("$argon2id$")


class TestSessions:
    async def test_without_a_session_nothing_is_answered(self, gateway: Any) -> None:
        async with gateway.client() as client:
            answer = await client.get("/v1/sessions/current")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_signing_out_ends_the_session_at_once(self, gateway: Any) -> None:
        token = await gateway.sign_in("admin", PASSWORD)
        async with gateway.client(token) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 200
            out = await client.delete("/v1/sessions/current")
            assert out.status_code == 200
            assert "Max-Age=0" in out.headers["set-cookie"]
            again = await client.get("/v1/sessions/current")
        assert (again.status_code, again.json()["reason"]) == (401, "CREDENTIALS_INVALID")

    async def test_a_caller_sees_and_ends_only_own_sessions(self, gateway: Any) -> None:
        _, mine = await gateway.user("session-owner")
        _, other = await gateway.user("session-stranger")
        async with gateway.client(mine) as client:
            listed = (await client.get("/v1/sessions")).json()["sessions"]
        assert [one["current"] for one in listed] == [True]
        async with gateway.client(other) as client:
            assert (await client.delete(f"/v1/sessions/{listed[0]['id']}")).status_code == 404
        async with gateway.client(mine) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 200

    async def test_they_are_listed_by_pages_for_their_user_and_for_who_may_read_the_user(
        self, gateway: Any
    ) -> None:
        made, token = await gateway.user("pages")
        await gateway.sign_in("pages", PASSWORD)
        path = f"/v1/users/{made['id']}/sessions"
        for asked, client in (("/v1/sessions", gateway.client(token)), (path, gateway.admin)):
            async with client:
                first = (await client.get(asked, params={"page_size": 1})).json()
                more = {"page_size": 1, "page_token": first["next_page_token"]}
                second = (await client.get(asked, params=more)).json()
                none = (await client.get(asked, params={"filter": 'user_agent = "nobody"'})).json()
            assert first["sessions"][0]["create_time"] > second["sessions"][0]["create_time"], asked
            assert (second.get("next_page_token", ""), none.get("sessions", [])) == ("", []), asked

    async def test_an_idle_session_and_an_old_one_end(self, gateway: Any) -> None:
        connection = await gateway.harness.runtime.database.connect_direct()
        try:
            for column in ("last_used_time", "expire_time"):
                token = await gateway.sign_in("admin", PASSWORD)
                await connection.execute(
                    f"UPDATE sessions SET {column} = now() - interval '2 hours' "
                    "WHERE create_time = (SELECT max(create_time) FROM sessions)"
                )
                async with gateway.client(token) as client:
                    assert (await client.get("/v1/sessions/current")).status_code == 401, column
        finally:
            await connection.close()


class TestChangePassword:
    async def test_needs_the_current_one_and_ends_the_other_sessions(self, gateway: Any) -> None:
        _, first = await gateway.user("changer")
        second = await gateway.sign_in("changer", PASSWORD)
        path, new = "/v1/sessions/current:changePassword", "another-horse-8"
        async with gateway.client(first) as client:
            wrong = await client.post(path, json={"current_password": "nope", "new_password": new})
            assert (wrong.status_code, wrong.json()["reason"]) == (403, "PASSWORD_WRONG")
            weak = await client.post(path, json={"current_password": PASSWORD, "new_password": "password123"})
            assert (weak.status_code, weak.json()["reason"]) == (400, "PASSWORD_TOO_COMMON")
            done = await client.post(path, json={"current_password": PASSWORD, "new_password": new})
            assert done.status_code == 200
            assert (await client.get("/v1/sessions/current")).status_code == 200
        async with gateway.client(second) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 401
        assert await gateway.sign_in("changer", new)

    async def test_a_first_password_must_be_changed_before_anything_else(self, gateway: Any) -> None:
        role = await gateway.role("first_reader", ("users.read", "ALL"))
        made, _ = await gateway.user("fresh", role)
        async with gateway.admin as client:
            body = {"password": "first-password-9", "must_change": True}
            assert (await client.post(f"/v1/users/{made['id']}:setPassword", json=body)).status_code == 200
        token = await gateway.sign_in("fresh", "first-password-9")
        async with gateway.client(token) as client:
            current = await client.get("/v1/sessions/current")
            assert current.json()["must_change_password"] is True
            refused = await client.get("/v1/users")
            assert (refused.status_code, refused.json()["reason"]) == (403, "PASSWORD_CHANGE_REQUIRED")
            body = {"current_password": "first-password-9", "new_password": PASSWORD}
            await client.post("/v1/sessions/current:changePassword", json=body)
            assert (await client.get("/v1/sessions/current")).json().get("must_change_password") is None


class TestRevokeAllSessions:
    async def test_ends_the_others_or_every_one(self, gateway: Any) -> None:
        _, first = await gateway.user("everywhere")
        second = await gateway.sign_in("everywhere", PASSWORD)
        async with gateway.client(first) as client:
            assert (
                await client.post("/v1/sessions:revokeAll", json={"keep_current": True})
            ).status_code == 200
            assert len((await client.get("/v1/sessions")).json()["sessions"]) == 1
            async with gateway.client(second) as other:
                assert (await other.get("/v1/sessions/current")).status_code == 401
            assert (await client.post("/v1/sessions:revokeAll", json={})).status_code == 200
            assert (await client.get("/v1/sessions/current")).status_code == 401

    async def test_needs_a_session(self, gateway: Any) -> None:
        async with gateway.client() as client:
            assert (await client.post("/v1/sessions:revokeAll", json={})).status_code == 401


class TestRotation:
    async def test_a_sign_in_gives_a_new_token_and_ends_the_session_before_it(self, gateway: Any) -> None:
        before = await gateway.sign_in("admin", PASSWORD)
        body = {"user_name": "admin", "password": PASSWORD}
        headers = {"cookie": f"taproot_session={before}", "origin": "http://taproot.test"}
        async with gateway.client(**headers) as client:
            answer = await client.post("/v1/sessions", json=body)
        assert answer.json()["token"] != before
        async with gateway.client(before) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 401

    async def test_a_token_chosen_by_somebody_else_is_never_taken_over(self, gateway: Any) -> None:
        planted = "ts_planted-by-somebody-else"
        body = {"user_name": "admin", "password": PASSWORD}
        async with gateway.client(
            cookie=f"taproot_session={planted}", origin="http://taproot.test"
        ) as client:
            answer = await client.post("/v1/sessions", json=body)
        assert answer.json()["token"] != planted
        async with gateway.client(planted) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 401

    async def test_a_form_of_another_site_signs_nobody_in(self, gateway: Any) -> None:
        text = '{"user_name": "admin", "password": "correct-horse-7"}'
        headers = {"content-type": "text/plain", "origin": "http://evil.test"}
        async with gateway.client() as client:
            assert (await client.post("/v1/sessions", content=text, headers=headers)).status_code == 415

    async def test_device_and_way_of_signing_in_are_told(self, gateway: Any) -> None:
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
        async with gateway.client(**{"user-agent": agent}) as client:
            answer = await client.post("/v1/sessions", json={"user_name": "admin", "password": PASSWORD})
        session = answer.json()["current"]["session"]
        assert (session["device"], session["method"]) == ("Firefox on Linux", "SIGN_IN_METHOD_PASSWORD")
        assert "second_factor" not in session


class TestTruncatedTokens:
    @pytest.mark.parametrize("cut", [1, 5, 20])
    async def test_a_part_of_a_token_is_no_token(self, gateway: Any, cut: int) -> None:
        token = await gateway.sign_in("admin", PASSWORD)
        for wrong in (
            token[:-cut],
            token[cut:],
            token + "A",
            token[:-1] + ("A" if token[-1] != "A" else "B"),
        ):
            async with gateway.client(wrong) as client:
                assert (await client.get("/v1/sessions/current")).status_code == 401
