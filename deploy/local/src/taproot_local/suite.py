"""A whole Taproot as tests see it: started by the command line in a directory of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taproot_local.api import Client
from taproot_local.errors import LocalError
from taproot_local.processes import ProcessRef, free_port, port_is_free
from taproot_local.testing import scratch_directory

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")


@dataclass(frozen=True)
class Suite:
    """A running Taproot: its addresses, its processes, its files."""

    home: Path

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "state.json").read_text())
        return found

    @property
    def url(self) -> str:
        return str(self.state["http_url"])

    @property
    def mail_url(self) -> str:
        return str(self.state["mail_url"])

    @property
    def admin_password(self) -> str:
        return (self.home / "admin-password").read_text().strip()

    def start(self, **settings: str) -> None:
        """`taproot up` on free ports; `settings`: its environment. Raises LocalError."""
        done = self.run("up", "--detach", TAPROOT_PORT=str(_adjacent_ports()), **settings)
        if done.returncode != 0:
            raise LocalError(done.stderr + done.stdout)

    def process(self, name: str) -> ProcessRef:
        found = self.state["processes"].get(name, {"pid": 0, "started": 0.0})
        return ProcessRef(found["pid"], found["started"])

    def kill(self, name: str) -> ProcessRef:
        """SIGKILL; the supervisor starts it again."""
        before = self.process(name)
        before.send(signal.SIGKILL)
        return before

    @asynccontextmanager
    async def client(self, *, patience: float = 60.0, connections: int = 60) -> AsyncIterator[Client]:
        """Signed in as the administrator."""
        async with Client.open(self.url, patience=patience, connections=connections) as visitor:
            yield await visitor.signed_in("admin", self.admin_password)

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a person would call it."""
        command = [sys.executable, "-m", "taproot_local", *arguments]
        environment = os.environ | {"TAPROOT_HOME": str(self.home), "TAPROOT_DEMO": "off"} | settings
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=900
        )


@contextmanager
def running_suite(**settings: str) -> Iterator[Suite]:
    """A suite on free ports without demo data; stopped and deleted at the end. `settings`: its environment."""
    with scratch_directory() as directory:
        made = Suite(directory / "home")
        try:
            made.start(**settings)
            yield made
        finally:
            made.run("down")


def _adjacent_ports() -> int:
    """A free port whose next one is free too: the gateway's two doors."""
    while not port_is_free((port := free_port()) + 1):
        pass
    return port
