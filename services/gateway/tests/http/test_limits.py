"""Limits that hold over two gateways on one database, and what callers are told of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio

from taproot.identity.v1 import session_service_pb2 as rpc
from taproot.identity.v1 import session_service_pb2_grpc as stubs
from taproot_base.auth import Principal
from taproot_gateway.callers import Caller, Identity
from taproot_gateway.doors import Doors
from taproot_gateway.http import buckets
from taproot_gateway.http.limits import MINUTE, Limiter, Policy, RateLimited
from taproot_testkit import Harness

QUOTA = 60
CALLER = Caller(
    Identity(Principal("0190b6a0-0000-7000-8000-000000000001", "user", branch_id="0190b6a0-0000-7000-8000-00000000000b"), "s"),
    "",
    0,
    0,
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def harness(start_service: Any, unused_tcp_port_factory: Any) -> Harness:
    """One installation for the module: its events are on the module's bus."""
    found: Harness = await start_service(
        "gateway",
        admin_password="correct-horse-7",
        http_port=unused_tcp_port_factory(),
        grpc_door_port=unused_tcp_port_factory(),
        requests_per_user=20,
        requests_per_address=30,
        oidc_issuer="https://127.0.0.1:1",
        oidc_client_id="crm",
        public_url="https://crm.example.com",
    )
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def fresh(harness: Harness) -> Harness:
    with harness.system_call():
        async with harness.runtime.database.unit() as work:
            await work.execute(buckets.buckets.delete())
    return harness


def limiters(harness: Harness, *policies: Policy) -> list[Limiter]:
    return [Limiter(harness.runtime.database, policies) for _ in range(2)]


async def admitted(limiter: Limiter, caller: Caller = CALLER) -> bool:
    try:
        await limiter.admit(caller, "", "10.0.0.1")
    except RateLimited:
        return False
    return True


class TestBuckets:
    async def test_two_gateways_together_let_pass_what_one_may(self, fresh: Harness) -> None:
        pair = limiters(fresh, Policy("user", QUOTA, 3600))
        results = await asyncio.gather(*(admitted(pair[n % 2]) for n in range(4 * QUOTA)))
        assert sum(results) == QUOTA

    async def test_what_is_spent_comes_back(self, fresh: Harness) -> None:
        one, two = limiters(fresh, Policy("user", 10, 1.0))
        assert [await admitted(one) for _ in range(12)].count(True) in (10, 11)
        assert not await admitted(two)
        await asyncio.sleep(0.35)
        assert 2 <= [await admitted(two) for _ in range(8)].count(True) <= 6

    async def test_the_tightest_limit_counts_and_a_refusal_costs_nothing(self, fresh: Harness) -> None:
        limiter, _ = limiters(fresh, Policy("user", 40, 3600), Policy("branch", 5, 3600))
        assert [await admitted(limiter) for _ in range(20)].count(True) == 5
        [user] = [purse for purse in limiter._purses.values() if purse.policy.name == "user"]
        assert user.left(time.monotonic()) == 35

    async def test_users_of_one_branch_share_its_bucket(self, fresh: Harness) -> None:
        limiter, _ = limiters(fresh, Policy("branch", 6, 3600))
        other = Caller(Identity(Principal("b", "user", branch_id=CALLER.principal.branch_id), "s"), "", 0, 0)
        assert [await admitted(limiter, who) for who in (CALLER, other) * 5].count(True) == 6

    async def test_what_costs_more_than_the_bucket_holds_takes_all_of_it(self, fresh: Harness) -> None:
        limiter, _ = limiters(fresh, Policy("user", 5, 3600))
        await limiter.admit(CALLER, "", "10.0.0.1", cost=11)
        assert not await admitted(limiter)

    async def test_keys_and_addresses(self, fresh: Harness) -> None:
        limiter, _ = limiters(fresh, Policy("key", 3, 3600), Policy("address", 2, 3600))
        key = Caller(Identity(CALLER.principal), "", 0, 0)
        nobody = Caller(Identity(Principal.anonymous()), "", 0, 0)
        passed: Counter[str] = Counter()
        for _ in range(5):
            for name, caller, credential, address in (
                ("a", key, "tk_a", "1"), ("b", key, "tk_b", "1"), ("x", nobody, "", "1"), ("y", nobody, "", "2"),
            ):  # fmt: skip
                try:
                    await limiter.admit(caller, credential, address)
                    passed[name] += 1
                except RateLimited:
                    pass
        assert passed == {"a": 3, "b": 3, "x": 2, "y": 2}

    async def test_a_refused_caller_costs_the_database_nothing(
        self, fresh: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limiter, _ = limiters(fresh, Policy("user", 2, 3600))
        calls = 0
        take = buckets.take

        async def counted(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            return await take(*args)

        monkeypatch.setattr(buckets, "take", counted)
        assert [await admitted(limiter) for _ in range(200)].count(True) == 2
        assert calls <= 4

    async def test_without_the_database_each_gateway_counts_alone(
        self, fresh: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: Any) -> Any:
            raise OSError

        monkeypatch.setattr(buckets, "take", away)
        limiter, _ = limiters(fresh, Policy("user", 32, MINUTE))
        assert await admitted(limiter)

    async def test_buckets_nobody_uses_are_let_go(self, fresh: Harness) -> None:
        limiter, _ = limiters(fresh, Policy("user", 32, MINUTE))
        await admitted(limiter)
        database = fresh.runtime.database
        with fresh.system_call():
            async with database.unit() as work:
                old = buckets.buckets.c.refilled_at - timedelta(days=2)
                await work.execute(buckets.buckets.update().values(refilled_at=old))
            await buckets.expire(database)
            async with database.reading() as reader:
                assert not await reader.fetch(buckets.buckets.select())

    async def test_the_cost_of_a_request_stays_small(self, fresh: Harness) -> None:
        limiter, _ = limiters(fresh, Policy("user", 1_000_000, MINUTE), Policy("branch", 1_000_000, MINUTE))
        started = time.perf_counter()
        for _ in range(5_000):
            await limiter.admit(CALLER, "", "10.0.0.1")
        assert (time.perf_counter() - started) / 5_000 < 0.000_2  # about 3 us at rest


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(harness: Harness, unused_tcp_port_factory: Any) -> AsyncIterator[Any]:
    """Two gateways with small limits on one database."""
    first, free_port = harness, unused_tcp_port_factory
    async with asyncio.timeout(30):
        while not first.runtime.directory.roles:  # made at the first start, known by their events
            await asyncio.sleep(0.05)
            await first.runtime.access.refresh()
    ports = {"http_port": free_port(), "grpc_door_port": free_port()}
    second = replace(first.runtime, settings=first.runtime.settings.model_copy(update=ports))
    async with Doors(first.runtime, first.address) as one, Doors(second, first.address) as two:
        yield one, two


class TestAnswers:
    async def test_limits_hold_over_both_and_are_told(self, pair: Any) -> None:
        urls = [f"http://127.0.0.1:{doors._settings.http_port}" for doors in pair]
        async with httpx.AsyncClient() as client:
            body = {"user_name": "admin", "password": "correct-horse-7"}
            login = await client.post(f"{urls[0]}/v1/sessions", json=body)
            client.headers["authorization"] = f"Bearer {login.json()['token']}"
            answers = [await client.get(f"{urls[n % 2]}/v1/sessions/current") for n in range(40)]
        assert '"address";q=30;w=60' in login.headers["ratelimit-policy"]
        passed = [answer for answer in answers if answer.status_code == 200]
        assert 20 <= len(passed) <= 26  # a third comes back each second
        assert passed[0].headers["ratelimit-policy"].startswith('"user";q=20;w=60')
        assert int(passed[0].headers["ratelimit"].split("r=")[1].split(";")[0]) in (18, 19)
        last = answers[-1]
        assert (last.status_code, last.json()["reason"]) == (429, "RATE_LIMITED")
        assert last.headers["content-type"] == "application/problem+json"
        assert int(last.headers["retry-after"]) >= 1
        assert last.headers["ratelimit"].startswith('"user";r=0;t=')

    async def test_the_grpc_door_counts_with_them(self, pair: Any) -> None:
        codes: Counter[str] = Counter()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{pair[0].door.port}") as channel:
            stub = stubs.SessionsServiceStub(channel)
            for _ in range(40):
                try:
                    await stub.Login(rpc.LoginRequest(user_name="nobody", password="x"), timeout=10)
                except grpc.aio.AioRpcError as error:
                    codes[error.code().name] += 1
        assert codes["RESOURCE_EXHAUSTED"] >= 5

    @pytest.mark.parametrize(
        ("method", "path", "refused"),
        [
            ("GET", "/v1/sessions/current", 401),
            ("GET", "/v1/events", 401),
            ("GET", "/scim/v2/Users", 401),
            ("GET", "/auth/oidc/callback", 403),
            ("POST", "/auth/oidc/backchannel", 400),
        ],
    )
    async def test_guesses_are_limited_by_address(
        self, fresh: Harness, pair: Any, method: str, path: str, refused: int
    ) -> None:
        """Of keys, tokens and codes: 401 or its like until the address has used up what it may, then 429."""
        assert fresh is not None
        for doors in pair:
            doors.limiter._purses.clear()
        urls = [f"http://127.0.0.1:{doors._settings.http_port}{path}" for doors in pair]
        async with httpx.AsyncClient(headers={"authorization": "Bearer tk_a-guess"}) as client:
            answers = [await client.request(method, urls[n % 2]) for n in range(45)]
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {refused, 429}, statuses
        assert 30 <= statuses.count(refused) <= 40
        last = next(answer for answer in reversed(answers) if answer.status_code == 429)
        assert int(last.headers["retry-after"]) >= 1
        assert last.headers["ratelimit"].startswith('"address";r=0;t=')

    async def test_so_are_guesses_at_the_grpc_door(self, fresh: Harness, pair: Any) -> None:
        assert fresh is not None
        for doors in pair:
            doors.limiter._purses.clear()
        codes: Counter[str] = Counter()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{pair[0].door.port}") as channel:
            stub = stubs.SessionsServiceStub(channel)
            for _ in range(45):
                try:
                    guess = (("authorization", "Bearer tk_a-guess"),)
                    await stub.GetCurrentSession(rpc.GetCurrentSessionRequest(), metadata=guess, timeout=10)
                except grpc.aio.AioRpcError as error:
                    codes[error.code().name] += 1
        assert codes.keys() == {"UNAUTHENTICATED", "RESOURCE_EXHAUSTED"}
        assert 30 <= codes["UNAUTHENTICATED"] <= 40
