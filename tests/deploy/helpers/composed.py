"""Runs deploy/compose/compose.yaml with the docker command alone, so that the file is tested without the plugin.

It understands what that file uses; what it does not understand is an error.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from engine import ROOT, docker

FILE = ROOT / "deploy" / "compose" / "compose.yaml"
HEALTHY_SECONDS = 240
KNOWN = {
    "image", "command", "environment", "volumes", "depends_on", "read_only", "tmpfs", "cap_drop", "security_opt",
    "networks", "restart", "stop_grace_period", "healthcheck", "ports", "shm_size",
}  # fmt: skip


@dataclass
class Composed:
    """`name` starts the names of all containers, volumes and the network; every container gets `memory`."""

    name: str
    replicas: dict[str, int]
    variables: dict[str, str]
    memory: str = "512m"
    started: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda m: self.variables.get(m[1], m[2]), FILE.read_text())
        found = yaml.safe_load(text)
        self.services: dict[str, Any] = found["services"]
        self.volumes: list[str] = list(found["volumes"])

    def up(self) -> None:
        docker("network", "create", self.name)
        waiting = dict(self.services)
        done: set[str] = set()
        while waiting:
            ready = [name for name, one in waiting.items() if set(one.get("depends_on", {})) <= done]
            assert ready, f"a circle in depends_on: {sorted(waiting)}"
            for name in ready:
                self._start(name, waiting.pop(name))
                done.add(name)

    def _start(self, name: str, service: dict[str, Any]) -> None:
        assert set(service) <= KNOWN, set(service) - KNOWN
        once = service["restart"] == "no"
        for number in range(1, self.replicas.get(name, 1) + 1):
            container = f"{self.name}-{name}-{number}"
            self.started.append(container)
            options = ["--name", container, *([] if once else ["--detach"]), *self._options(name, service)]
            docker("run", *options, service["image"], *service.get("command", []))

    def _options(self, name: str, service: dict[str, Any]) -> Iterator[str]:
        yield from ("--network", self.name, "--network-alias", name, "--memory", self.memory)
        for key, value in service.get("environment", {}).items():
            yield from ("--env", f"{key}={value}")
        for volume in service.get("volumes", []):
            yield from ("--volume", f"{self.name}-{volume}")
        for path in service["tmpfs"]:
            yield from ("--tmpfs", path)
        for capability in service["cap_drop"]:
            yield from ("--cap-drop", capability)
        for option in service["security_opt"]:
            yield from ("--security-opt", option)
        for port in service.get("ports", []):
            yield from (
                "--publish",
                f"127.0.0.1::{port.rpartition(':')[2]}",
            )  # any free port: several replicas
        if service["read_only"]:
            yield "--read-only"
        if "shm_size" in service:
            yield from ("--shm-size", service["shm_size"])
        if "healthcheck" in service:
            yield from (
                "--health-cmd",
                " ".join(service["healthcheck"]["test"][1:]),
                "--health-interval",
                "5s",
            )

    def address(self, name: str, port: int, number: int = 1) -> str:
        return docker("port", f"{self.name}-{name}-{number}", str(port)).split()[0]

    def read(self, name: str, path: str) -> str:
        return docker("exec", f"{self.name}-{name}-1", "cat", path).strip()

    def containers(self, name: str) -> list[str]:
        return [f"{self.name}-{name}-{number}" for number in range(1, self.replicas.get(name, 1) + 1)]

    def await_healthy(self, names: list[str]) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        for container in (container for name in names for container in self.containers(name)):
            while (state := self.state(container))["Health"]["Status"] != "healthy":
                assert state["Running"], f"{container} ended: {self.log(container)}"
                assert time.monotonic() < deadline, f"{container} is not healthy: {self.log(container)}"
                time.sleep(1)

    def state(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(docker("inspect", "--format", "{{json .State}}", container))
        return found

    def log(self, container: str) -> str:
        return docker("logs", "--tail", "40", container, check=False)

    def down(self) -> None:
        if self.started:
            docker("rm", "--force", *self.started, check=False)
        docker("network", "rm", self.name, check=False)
        docker("volume", "rm", "--force", *(f"{self.name}-{volume}" for volume in self.volumes), check=False)


@contextmanager
def running(composed: Composed, keep_logs: Path) -> Iterator[Composed]:
    """Stopped and removed at the end; the logs stay in a directory."""
    try:
        composed.up()
        yield composed
    finally:
        for container in composed.started:
            (keep_logs / f"{container}.log").write_text(docker("logs", container, check=False))
        composed.down()
