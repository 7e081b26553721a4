"""`taproot up` with everything in it: started, hurt, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from taproot_local.processes import ProcessRef, eventually, free_port, port_is_free
from taproot_local.provision import Administrator
from taproot_local.testing import scratch_directory

PARTS = {"postgres", "nats", "mail", "customer", "sales", "servicedesk", "marketing", "gateway"}


def adjacent_ports() -> int:
    """A free port whose next one is free too: the gateway's two doors."""
    while not port_is_free((port := free_port()) + 1):
        pass
    return port


class Instance:
    """The command line on a state directory of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "TAPROOT_HOME": str(self.home),
            "TAPROOT_PORT": str(self.port),
            "TAPROOT_DEMO": "off",
        }
        command = [sys.executable, "-m", "taproot_local", *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    def up(self) -> None:
        done = self.run("up", "--detach")
        assert done.returncode == 0, done.stderr + done.stdout

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "state.json").read_text())
        return found

    def part(self, name: str) -> ProcessRef:
        found = self.state["processes"].get(name, {"pid": 0, "started": 0.0})
        return ProcessRef(found["pid"], found["started"])

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def hurt(self, name: str) -> Callable[[], bool]:
        """Kill -9; the result tells whether it has come back and all is well."""
        before = self.part(name)
        before.send(signal.SIGKILL)
        return lambda: self.part(name) != before and self.part(name).alive() and self.ready()


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with scratch_directory() as directory:
        made = Instance(directory / "home", adjacent_ports())
        try:
            made.up()
            yield made
        finally:
            made.run("down")


def test_everything_runs_and_is_described(instance: Instance) -> None:
    assert instance.ready()
    assert set(instance.state["processes"]) == PARTS
    shown = instance.run("status")
    assert shown.returncode == 0
    assert all(f"  {name} " in shown.stdout for name in PARTS)
    greeting = (instance.home / "logs" / "supervisor.log").read_text()
    assert f"http://localhost:{instance.port}" in greeting
    assert "admin / " in greeting


def test_databases_are_migrated_for_their_owner_and_closed_to_others(instance: Instance) -> None:
    for name, service in instance.state["services"].items():
        tables = Administrator(service["owner_url"]).run(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public';"
        )
        assert int(tables) > 0, name


@pytest.mark.parametrize("name", ["customer", "gateway", "nats", "postgres"])
def test_what_crashes_comes_back(instance: Instance, name: str) -> None:
    assert eventually(instance.hurt(name), 60, pause=0.2)
    assert instance.state["processes"][name]["restarts"] == 1


def test_a_second_one_is_refused(instance: Instance) -> None:
    done = instance.run("up")
    assert done.returncode == 1
    assert done.stderr.startswith(f"taproot: Taproot is already running from {instance.home}")
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_one_sentence(scratch: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = Instance(scratch / "home", port).run("up")
    assert done.returncode == 1
    assert f"taproot: Port {port} is already in use by" in done.stderr
    assert "choose another by TAPROOT_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_after_kill_9_of_the_supervisor_the_next_start_takes_over(instance: Instance) -> None:
    orphans = [instance.part(name) for name in sorted(PARTS)]
    os.kill(instance.state["pid"], signal.SIGKILL)
    assert eventually(lambda: instance.run("status").returncode == 3, 10)
    instance.up()
    assert instance.ready()
    assert not any(orphan.alive() for orphan in orphans)


def test_down_leaves_nothing_running(instance: Instance) -> None:
    parts = [instance.part(name) for name in sorted(PARTS)]
    done = instance.run("down")
    assert (done.returncode, done.stdout) == (0, "Taproot has stopped.\n")
    assert not any(part.alive() for part in parts)
    assert not [found for found in psutil.process_iter() if _mentions(found, str(instance.home))]
    assert instance.run("status").returncode == 3


def _mentions(process: psutil.Process, text: str) -> bool:
    try:
        return any(text in part for part in process.cmdline())
    except psutil.Error:
        return False
