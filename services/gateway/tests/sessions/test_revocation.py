"""Two gateways, two processes, one database: what is revoked in one ends in the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

PASSWORD = "correct-horse-7"
WITHIN_SECONDS = 5.0
COMMAND = [sys.executable, "-m", "taproot_gateway"]


def free_ports(count: int) -> list[str]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def migrate(environment: dict[str, str]) -> None:
    subprocess.run([*COMMAND, "migrate"], env=environment, check=True, capture_output=True)


def start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(COMMAND, env=environment, stderr=subprocess.DEVNULL)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def replicas(
    postgres: Any, nats_url: str, keys: Path, tmp_path_factory: Any
) -> AsyncIterator[list[httpx.AsyncClient]]:
    database = postgres.create_database("gateway")
    base = os.environ | {
        "TAPROOT_DATABASE_URL": database.app_url,
        "TAPROOT_MIGRATION_DATABASE_URL": database.owner_url,
        "TAPROOT_NATS_URL": nats_url,
        "TAPROOT_KEYS_DIR": str(keys / "gateway"),
        "TAPROOT_BLOB_DIR": str(tmp_path_factory.mktemp("blobs")),
        "TAPROOT_ADMIN_PASSWORD": PASSWORD,
        "TAPROOT_DRAIN_SECONDS": "1",
    }
    migrate(base)
    ports = [free_ports(2) for _ in range(2)]
    names = ("TAPROOT_HTTP_PORT", "TAPROOT_GRPC_DOOR_PORT")
    processes = [start(base | dict(zip(names, pair, strict=True))) for pair in ports]
    clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{pair[0]}", timeout=30) for pair in ports]
    try:
        for client in clients:
            await until(lambda client=client: status(client, "/readyz"), 200, 60)
        yield clients
    finally:
        for client in clients:
            await client.aclose()
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(20)


async def status(client: httpx.AsyncClient, path: str, token: str = "") -> int:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        return (await client.get(path, headers=headers)).status_code
    except httpx.TransportError:
        return 0


async def until(read: Any, wanted: int, seconds: float) -> float:
    started = time.monotonic()
    while (found := await read()) != wanted:
        assert time.monotonic() - started < seconds, f"{found}, not {wanted}"
        await asyncio.sleep(0.05)
    return time.monotonic() - started


async def post(client: httpx.AsyncClient, path: str, token: str, **body: Any) -> Any:
    deadline = time.monotonic() + 20
    while True:
        answer = await client.post(
            path, json=body, headers={"authorization": f"Bearer {token}"} if token else {}
        )
        if answer.status_code != 503 or time.monotonic() > deadline:  # a new role is on its way
            break
        await asyncio.sleep(0.1)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_ends_in_one_ends_in_the_other(replicas: list[httpx.AsyncClient]) -> None:
    here, there = replicas
    admin = (await post(here, "/v1/sessions", "", user_name="admin", password=PASSWORD))["token"]
    grants = [{"permission": "api_keys.create", "scope": "OWN"}]
    role = await post(here, "/v1/roles", admin, code="k", display_name="k", grants=grants)

    async def signed_in(name: str) -> tuple[str, str, str]:
        user = await post(here, "/v1/users", admin, user_name=name, role_ids=[role["id"]])
        await post(here, f"/v1/users/{user['id']}:setPassword", admin, password=PASSWORD)
        token = (await post(there, "/v1/sessions", "", user_name=name, password=PASSWORD))["token"]
        key = (await post(there, "/v1/apiKeys", token, display_name="bot"))["key"]
        return user["id"], token, key

    current = "/v1/sessions/current"
    for verb in ("disable", "revokeSessions"):
        user_id, token, key = await signed_in(f"ends-by-{verb.lower()}")
        ended = (token, key) if verb == "disable" else (token,)
        for credential in ended:
            assert await status(there, current, credential) == 200  # remembered there from now on
        await post(here, f"/v1/users/{user_id}:{verb}", admin)
        for credential in ended:
            seconds = await until(lambda c=credential: status(there, current, c), 401, WITHIN_SECONDS)
            assert seconds < WITHIN_SECONDS


async def test_a_session_of_one_is_a_session_of_the_other(replicas: list[httpx.AsyncClient]) -> None:
    here, there = replicas
    token = (await post(here, "/v1/sessions", "", user_name="admin", password=PASSWORD))["token"]
    current = "/v1/sessions/current"
    assert [await status(one, current, token) for one in replicas] == [200, 200]
    ended = await there.delete(current, headers={"authorization": f"Bearer {token}"})
    assert ended.status_code == 200, ended.text
    assert await until(lambda: status(here, current, token), 401, WITHIN_SECONDS) < WITHIN_SECONDS


async def test_a_request_sent_to_both_takes_effect_once(replicas: list[httpx.AsyncClient]) -> None:
    here, there = replicas
    token = (await post(here, "/v1/sessions", "", user_name="admin", password=PASSWORD))["token"]
    headers = {"authorization": f"Bearer {token}"}
    for number in range(5):
        role = {"code": f"both{number}", "display_name": "of both", "grants": []}
        again = headers | {"idempotency-key": str(uuid.uuid4())}
        answers = await asyncio.gather(*(one.post("/v1/roles", json=role, headers=again) for one in replicas))
        answers.append(await there.post("/v1/roles", json=role, headers=again))
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        assert len({answer.json()["id"] for answer in answers}) == 1


async def test_an_open_stream_of_one_ends_with_the_user_in_the_other(
    replicas: list[httpx.AsyncClient],
) -> None:
    here, there = replicas
    admin = (await post(here, "/v1/sessions", "", user_name="admin", password=PASSWORD))["token"]
    user = await post(here, "/v1/users", admin, user_name="listens")
    await post(here, f"/v1/users/{user['id']}:setPassword", admin, password=PASSWORD)
    token = (await post(here, "/v1/sessions", "", user_name="listens", password=PASSWORD))["token"]
    headers = {"authorization": f"Bearer {token}"}
    async with there.stream("GET", "/v1/events", headers=headers, timeout=30) as stream:
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        await anext(lines)  # it is open
        await post(here, f"/v1/users/{user['id']}:disable", admin)
        started = time.monotonic()
        with contextlib.suppress(httpx.RemoteProtocolError):
            async for _ in lines:
                assert time.monotonic() - started < WITHIN_SECONDS
        assert time.monotonic() - started < WITHIN_SECONDS
