from __future__ import annotations

import asyncio
import time
from typing import Any

import pyotp
import pytest

PASSWORD = "correct-horse-7"
HERE = "/v1/secondFactors/current"


def code(secret: str, steps: int = 0) -> str:
    return str(pyotp.TOTP(secret).at(int(time.time()) + 30 * steps))


async def begin(gateway: Any, user_name: str, password: str = PASSWORD) -> dict[str, Any]:
    async with gateway.client() as client:
        answer = await client.post("/v1/sessions", json={"user_name": user_name, "password": password})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def verify(gateway: Any, challenge: str, text: str) -> Any:
    async with gateway.client() as client:
        return await client.post("/v1/sessions:verify", json={"challenge": challenge, "code": text})


async def enrolled(gateway: Any, name: str, *roles: Any) -> tuple[dict[str, Any], str, str, list[str]]:
    """A user with a second factor: the user, a session, the secret and the recovery codes."""
    made, token = await gateway.user(name, *roles)
    async with gateway.client(token) as client:
        begun = await client.post(f"{HERE}:enrol", json={"current_password": PASSWORD})
        assert begun.status_code == 200, begun.text
        secret = begun.json()["secret"]
        # The code of the step before: that of now is left for the test.
        done = await client.post(f"{HERE}:confirm", json={"code": code(secret, -1)})
        assert done.status_code == 200, done.text
    return made, token, secret, done.json()["codes"]


class TestEnrolSecondFactor:
    async def test_needs_a_session_and_the_password(self, gateway: Any) -> None:
        role = await gateway.role("factor_keys", ("api_keys.create", "OWN"))
        _, token = await gateway.user("enrols", role)
        async with gateway.client() as client:
            assert (await client.post(f"{HERE}:enrol", json={})).status_code == 401
        async with gateway.client(token) as client:
            wrong = await client.post(f"{HERE}:enrol", json={"current_password": "wrong"})
            assert (wrong.status_code, wrong.json()["reason"]) == (403, "PASSWORD_WRONG")
            key = (await client.post("/v1/apiKeys", json={"display_name": "k"})).json()["key"]
        async with gateway.client(key) as client:
            assert (await client.get(HERE)).status_code == 200
            body = {"current_password": PASSWORD}
            assert (await client.post(f"{HERE}:enrol", json=body)).status_code == 403

    async def test_nothing_is_asked_for_before_it_is_confirmed(self, gateway: Any) -> None:
        _, token = await gateway.user("unconfirmed")
        async with gateway.client(token) as client:
            assert (await client.post(f"{HERE}:confirm", json={"code": "123456"})).status_code == 409
            begun = (await client.post(f"{HERE}:enrol", json={"current_password": PASSWORD})).json()
            assert begun["uri"].startswith("otpauth://totp/Taproot:unconfirmed?secret=" + begun["secret"])
            assert await gateway.sign_in("unconfirmed", PASSWORD)
            wrong = await client.post(f"{HERE}:confirm", json={"code": "000000"})
            assert (wrong.status_code, wrong.json()["reason"]) == (403, "SECOND_FACTOR_CODE_WRONG")
            assert "enabled" not in (await client.get(HERE)).json()

    async def test_confirming_gives_ten_codes_and_ends_the_other_sessions(self, gateway: Any) -> None:
        _, first = await gateway.user("confirms")
        other = await gateway.sign_in("confirms", PASSWORD)
        async with gateway.client(first) as client:
            begun = (await client.post(f"{HERE}:enrol", json={"current_password": PASSWORD})).json()
            codes = (await client.post(f"{HERE}:confirm", json={"code": code(begun["secret"])})).json()[
                "codes"
            ]
            assert len(set(codes)) == 10
            state = (await client.get(HERE)).json()
            assert (state["enabled"], state["recovery_codes_left"]) == (True, 10)
            assert (await client.get("/v1/sessions/current")).json()["session"]["second_factor"] is True
            again = await client.post(f"{HERE}:enrol", json={"current_password": PASSWORD})
            assert (again.status_code, again.json()["reason"]) == (409, "SECOND_FACTOR_EXISTS")
        async with gateway.client(other) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 401


class TestVerifyLogin:
    async def test_the_password_alone_gives_no_session(self, gateway: Any) -> None:
        _, _, secret, _ = await enrolled(gateway, "two-steps")
        async with gateway.client() as client:
            answer = await client.post("/v1/sessions", json={"user_name": "two-steps", "password": PASSWORD})
        body = answer.json()
        assert set(body) == {"challenge"}
        assert "set-cookie" not in answer.headers
        async with gateway.client(body["challenge"]) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 401
        done = await verify(gateway, body["challenge"], code(secret))
        assert done.status_code == 200, done.text
        assert "HttpOnly" in done.headers["set-cookie"]
        assert done.json()["current"]["session"]["second_factor"] is True
        async with gateway.client(done.json()["token"]) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 200

    async def test_a_code_and_a_challenge_work_once(self, gateway: Any) -> None:
        _, _, secret, _ = await enrolled(gateway, "replayed")
        first, second = await begin(gateway, "replayed"), await begin(gateway, "replayed")
        used = code(secret)
        assert (await verify(gateway, first["challenge"], used)).status_code == 200
        for challenge, text in ((second["challenge"], used), (first["challenge"], code(secret, 1))):
            refused = await verify(gateway, challenge, text)
            assert (refused.status_code, refused.json()["reason"]) == (401, "SECOND_FACTOR_WRONG")
        assert (
            await verify(gateway, second["challenge"], code(secret, -1))
        ).status_code == 401  # older than used

    async def test_of_two_requests_with_one_code_one_wins(self, gateway: Any) -> None:
        _, _, secret, _ = await enrolled(gateway, "raced")
        challenges = [(await begin(gateway, "raced"))["challenge"] for _ in range(3)]
        used = code(secret)
        answers = await asyncio.gather(*(verify(gateway, one, used) for one in challenges))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401]

    async def test_a_recovery_code_works_once_however_it_is_typed(self, gateway: Any) -> None:
        _, _, _, codes = await enrolled(gateway, "recovers")
        typed = codes[0].lower().replace("-", " ")
        first, second = await begin(gateway, "recovers"), await begin(gateway, "recovers")
        done = await verify(gateway, first["challenge"], typed)
        assert done.status_code == 200
        assert (await verify(gateway, second["challenge"], codes[0])).status_code == 401
        async with gateway.client(done.json()["token"]) as client:
            assert (await client.get(HERE)).json()["recovery_codes_left"] == 9

    async def test_codes_of_somebody_else_are_wrong(self, gateway: Any) -> None:
        _, _, secret, codes = await enrolled(gateway, "alice-f")
        await enrolled(gateway, "bob-f")
        begun = await begin(gateway, "bob-f")
        for text in (code(secret), codes[0]):
            assert (await verify(gateway, begun["challenge"], text)).status_code == 401

    async def test_guessing_is_limited_over_all_challenges(self, gateway: Any) -> None:
        _, _, secret, _ = await enrolled(gateway, "guessed-f")
        challenges = [(await begin(gateway, "guessed-f"))["challenge"] for _ in range(4)]
        answers = [await verify(gateway, challenges[n % 4], f"{n:06}") for n in range(8)]
        reasons = [answer.json()["reason"] for answer in answers]
        assert reasons == ["SECOND_FACTOR_WRONG"] * 5 + ["SIGN_IN_LOCKED"] * 3
        right = await verify(gateway, challenges[0], code(secret))
        assert right.status_code == 429

    async def test_a_challenge_ends_by_itself_and_with_the_password(self, gateway: Any) -> None:
        made, _, secret, _ = await enrolled(gateway, "late-f")
        begun = await begin(gateway, "late-f")
        connection = await gateway.harness.runtime.database.connect_direct()
        try:
            await connection.execute(
                "UPDATE sign_in_challenges SET expire_time = now() - interval '1 second'"
            )
        finally:
            await connection.close()
        assert (await verify(gateway, begun["challenge"], code(secret))).status_code == 401
        begun = await begin(gateway, "late-f")
        async with gateway.admin as client:
            await client.post(f"/v1/users/{made['id']}:setPassword", json={"password": "battery-staple-9"})
        assert (await verify(gateway, begun["challenge"], code(secret))).status_code == 401

    async def test_unknown_challenges_look_like_wrong_codes(self, gateway: Any) -> None:
        answer = await verify(gateway, "tc_unknown", "123456")
        assert (answer.status_code, answer.json()["reason"]) == (401, "SECOND_FACTOR_WRONG")


class TestRequired:
    async def test_a_role_asks_for_it_before_anything_else(self, gateway: Any) -> None:
        role = await gateway.role("guarded", ("users.read", "ALL"), second_factor_required=True)
        _, token = await gateway.user("guarded", role)
        async with gateway.client(token) as client:
            refused = await client.get("/v1/users")
            assert (refused.status_code, refused.json()["reason"]) == (403, "SECOND_FACTOR_REQUIRED")
            assert (await client.get("/v1/sessions/current")).json()["must_enrol_second_factor"] is True
            assert (await client.get(HERE)).json()["required"] is True
            begun = (await client.post(f"{HERE}:enrol", json={"current_password": PASSWORD})).json()
            confirmed = await client.post(f"{HERE}:confirm", json={"code": code(begun["secret"], -1)})
            assert confirmed.status_code == 200
            assert (await client.get("/v1/users")).status_code == 200
            kept = await client.post(f"{HERE}:remove", json={"code": code(begun["secret"])})
            assert (kept.status_code, kept.json()["reason"]) == (409, "SECOND_FACTOR_REQUIRED")


class TestEndings:
    async def test_the_user_removes_it_with_a_code(self, gateway: Any) -> None:
        _, token, secret, _ = await enrolled(gateway, "removes")
        async with gateway.client(token) as client:
            assert (await client.post(f"{HERE}:remove", json={"code": "999999"})).status_code == 403
            assert (await client.post(f"{HERE}:remove", json={"code": code(secret)})).status_code == 200
        assert await gateway.sign_in("removes", PASSWORD)

    async def test_new_recovery_codes_end_the_old_ones(self, gateway: Any) -> None:
        _, token, secret, old = await enrolled(gateway, "renews")
        async with gateway.client(token) as client:
            answer = await client.post(f"{HERE}:renewRecoveryCodes", json={"code": code(secret)})
            assert not set(answer.json()["codes"]) & set(old)
        begun = await begin(gateway, "renews")
        assert (await verify(gateway, begun["challenge"], old[0])).status_code == 401

    async def test_an_administrator_resets_it_but_only_of_lesser_users(self, gateway: Any) -> None:
        made, token, _, _ = await enrolled(gateway, "lost-phone")
        async with gateway.admin as client:
            assert (
                await client.post(f"/v1/users/{made['id']}:resetSecondFactor", json={})
            ).status_code == 200
            admin = (await client.get("/v1/sessions/current")).json()["user"]
        async with gateway.client(token) as client:
            assert (await client.get("/v1/sessions/current")).status_code == 401
        assert await gateway.sign_in("lost-phone", PASSWORD)
        role = await gateway.role("factor_helpdesk", ("users.*", "ALL"))
        _, helper = await gateway.user("factor-helpdesk", role)
        async with gateway.client(helper) as client:
            path = f"/v1/users/{admin['id']}:resetSecondFactor"
            refused = await gateway.eventually(lambda: client.post(path, json={}))
        assert (refused.status_code, refused.json()["reason"]) == (403, "GRANT_EXCEEDS_CALLER")

    async def test_nothing_is_stored_in_the_clear(self, gateway: Any) -> None:
        _, _, secret, codes = await enrolled(gateway, "sealed")
        begun = await begin(gateway, "sealed")
        connection = await gateway.harness.runtime.database.connect_direct()
        secrets = [secret, begun["challenge"], *codes]
        shown = [one.encode().hex() for one in secrets] + secrets  # bytea is shown in hex
        try:
            for table in (
                "second_factors",
                "recovery_codes",
                "sign_in_challenges",
                "event_log",
                "idempotency",
            ):
                rows = await connection.fetch(f"SELECT t::text AS line FROM {table} t")
                assert not [row for row in rows for one in shown if one in row["line"]], table
        finally:
            await connection.close()


@pytest.mark.parametrize("text", ["", "12345", "1234567", "abcdef"])
async def test_what_is_no_code_is_refused_by_the_contract(gateway: Any, text: str) -> None:
    async with gateway.admin as client:
        answer = await client.post(f"{HERE}:confirm", json={"code": text})
    assert [one["field"] for one in answer.json()["violations"]] == ["code"]
