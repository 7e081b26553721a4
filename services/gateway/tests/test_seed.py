"""The first start of an installation, as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from taproot_base.access import Grant, Scope
from taproot_gateway.seed import write_private
from taproot_gateway.seed_roles import seed_roles
from taproot_gateway.transcoding import contracts


def free_ports(count: int) -> list[int]:
    import socket

    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


async def ready(url: str, process: Any) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(300):
            assert process.poll() is None, "the gateway ended"
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError("the gateway did not become ready")


@pytest.fixture
def environment(postgres: Any, nats_url: str, keys: Path, tmp_path: Path) -> dict[str, str]:
    database = postgres.create_database("gateway")
    http, door = free_ports(2)
    return os.environ | {
        "TAPROOT_DATABASE_URL": database.app_url,
        "TAPROOT_MIGRATION_DATABASE_URL": database.owner_url,
        "TAPROOT_NATS_URL": nats_url,
        "TAPROOT_KEYS_DIR": str(keys / "gateway"),
        "TAPROOT_HTTP_PORT": str(http),
        "TAPROOT_GRPC_DOOR_PORT": str(door),
        "TAPROOT_ADMIN_PASSWORD_FILE": str(tmp_path / "state" / "admin-password"),
        "TAPROOT_DRAIN_SECONDS": "1",
    }


COMMAND = [sys.executable, "-m", "taproot_gateway"]


def _migrate(environment: dict[str, str]) -> None:
    subprocess.run([*COMMAND, "migrate"], env=environment, check=True, capture_output=True)


def _start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(COMMAND, env=environment)


async def test_two_first_starts_at_once_make_one_administrator(environment: dict[str, str]) -> None:
    _migrate(environment)
    twin = environment | dict(
        zip(("TAPROOT_HTTP_PORT", "TAPROOT_GRPC_DOOR_PORT"), map(str, free_ports(2)), strict=True)
    )
    processes = [_start(one) for one in (environment, twin)]
    try:
        for process, one in zip(processes, (environment, twin), strict=True):
            await ready(f"http://127.0.0.1:{one['TAPROOT_HTTP_PORT']}", process)
        path = Path(environment["TAPROOT_ADMIN_PASSWORD_FILE"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        login = {"user_name": "admin", "password": path.read_text().strip()}
        for one in (environment, twin):
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{one['TAPROOT_HTTP_PORT']}") as client:
                answer = await client.post("/v1/sessions", json=login)
                assert answer.status_code == 200
                assert answer.json()["current"]["role_codes"] == ["admin"]
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(20) for process in processes]
    assert codes == [0, 0]


def test_the_password_file_is_private_from_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "new" / "password"
    for text in ("one", "two"):
        write_private(path, text)
        assert path.read_text() == text + "\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_usual_roles_name_only_permissions_that_exist() -> None:
    known = contracts.permissions(contracts.load())
    for role in seed_roles(known):
        for permission, scope in role.grants:
            grant = Grant(permission, Scope(scope))
            assert any(grant.covers(one) for one in known), f"{role.code}: {permission}"


def test_an_auditor_changes_nothing() -> None:
    (auditor,) = [role for role in seed_roles([]) if role.code == "auditor"]
    assert [permission for permission, _ in auditor.grants] == ["*.read"]


def test_a_resource_nobody_decided_about_is_the_administrators_alone() -> None:
    roles = seed_roles(["secrets.read", "secrets.update", "customers.read"])
    may = {
        role.code for role in roles if any(grant[0].startswith(("secrets.", "*")) for grant in role.grants)
    }
    assert may == {"admin", "auditor"}


def test_every_resource_of_the_contracts_has_been_decided_about() -> None:
    known = {one for one in contracts.permissions(contracts.load()) if "." in one}
    manager = next(role for role in seed_roles(known) if role.code == "head_office_manager")
    held = {grant[0].partition(".")[0] for grant in manager.grants}
    assert {permission.partition(".")[0] for permission in known} - held <= {"api_keys", "audit", "erasures"}


def test_only_the_privacy_officer_and_the_administrator_erase_people() -> None:
    known = contracts.permissions(contracts.load())
    for permission in ("customers.erase", "customers.export_personal_data"):
        assert permission in known
        may = {
            role.code
            for role in seed_roles(known)
            if any(Grant(one, Scope(scope)).covers(permission) for one, scope in role.grants)
        }
        assert may == {"admin", "privacy_officer"}
