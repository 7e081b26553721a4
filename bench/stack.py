"""What is measured: PostgreSQL, NATS, gateway and customer service as `make up` starts them, in a directory of its own.

The other services stay away: on a small machine their reactions would compete with what is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from taproot_local.home import Home
from taproot_local.infrastructure import Infrastructure
from taproot_local.keys import ensure_keys
from taproot_local.migrate import migrate
from taproot_local.processes import answers, eventually, free_port
from taproot_local.provision import Administrator, Database
from taproot_local.services import GATEWAY, PORT_NAMES, SERVICES, Addresses, Service, environment

CUSTOMER = SERVICES[0]
START_SECONDS = 60
BUSY_SECONDS = 0.03
SAMPLING: dict[str, str] = {}
"""Environment with which services note their stacks; empty: they do not."""
# One caller asks for everything here; what a limit costs is in the figures all the same.
UNLIMITED = {f"TAPROOT_REQUESTS_PER_{who}": "1000000000" for who in ("USER", "KEY", "BRANCH", "ADDRESS")}


class Stack:
    """A running Taproot of two services."""

    def __init__(self, home: Home) -> None:
        self.home = home
        home.prepare()
        http = free_port()
        ports = home.ports(PORT_NAMES, frozenset({http}))
        self.infrastructure = Infrastructure(home, ports, {})
        self.addresses = Addresses(http, free_port(None, frozenset({http})), ports, "")
        self.databases: dict[str, Database] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def http_port(self) -> int:
        return self.addresses.http

    @property
    def customer(self) -> Database:
        return self.databases["customer"]

    @property
    def admin_url(self) -> str:
        assert self.infrastructure.postgres is not None
        return self.infrastructure.postgres.admin_url

    def start_servers(self) -> None:
        self.infrastructure.start()
        self.databases = self.infrastructure.provision()
        self.addresses = self.addresses.with_nats(self.infrastructure.nats_url)
        ensure_keys(self.home.keys, {service.name: service.peer for service in SERVICES})

    def database(self, name: str) -> Database:
        """A migrated database of the customer service under another name, for the chassis' own rows."""
        found = Administrator(self.admin_url).ensure("customer", name)
        asyncio.run(migrate(CUSTOMER, found, self.home.logs / f"{name}-migrate.log"))
        return found

    def start_services(self) -> None:
        """Migrate and start them."""
        for service in (GATEWAY, CUSTOMER):
            asyncio.run(
                migrate(service, self.databases[service.name], self.home.logs / f"{service.name}-m.log")
            )
        for service in (GATEWAY, CUSTOMER):
            self.start(service)

    def start(self, service: Service) -> None:
        """Start one service and wait until it listens."""
        settings = environment(service, self.home, self.databases[service.name], self.addresses) | UNLIMITED
        with (self.home.logs / f"{service.name}.log").open("ab") as log:
            self.processes[service.name] = subprocess.Popen(
                service.command(),
                env={**os.environ, **settings, **SAMPLING},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wanted = [self.addresses.grpc(service)] + ([self.http_port] if service is GATEWAY else [])
        running = self.processes[service.name]
        if not eventually(lambda: all(map(answers, wanted)) or running.poll() is not None, START_SECONDS):
            raise RuntimeError(f"{service.name} was not ready after {START_SECONDS} s")
        if running.poll() is not None:
            raise RuntimeError((self.home.logs / f"{service.name}.log").read_text()[-3000:])

    def clone_customers(self, name: str = "taproot_floor") -> Database:
        """The customer database as it is, for a floor whose rows no service should react to."""
        self.stop("customer")
        copy = Administrator(self.admin_url).clone(self.customer, name)
        self.start(CUSTOMER)
        return copy

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until the services have worked off what the last measurement left behind."""
        watched = [psutil.Process(process.pid) for process in self.processes.values()]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            before = sum(_cpu(one) for one in watched)
            time.sleep(0.5)
            if sum(_cpu(one) for one in watched) - before < BUSY_SECONDS:
                return

    def until(self, condition: Callable[[], bool]) -> None:
        if not eventually(condition, 30):
            raise RuntimeError("the users did not reach the customer service")

    def stop(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def close(self) -> None:
        for name in [*self.processes]:
            self.stop(name)
        self.infrastructure.stop()
        if self.infrastructure.postgres is not None:
            self.infrastructure.postgres.destroy()

    def sign_in(self, user_name: str = "admin", password: str = "") -> str:
        """Token of a user; by default of the first administrator, whose role may do everything everywhere."""
        password = password or self.home.admin_password.read_text().strip()
        answer = self.call("POST", "/v1/sessions", {"user_name": user_name, "password": password})
        return str(answer["token"])

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, token: str = ""
    ) -> dict[str, Any]:
        headers = {"content-type": "application/json", "x-taproot-request": "1"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}", data, headers, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Servers only; the caller starts the services it needs. Nothing is left behind."""
    with tempfile.TemporaryDirectory(prefix="taproot-bench-") as name:
        Path(name).chmod(0o711)
        stack = Stack(Home(Path(name)))
        try:
            stack.start_servers()
            yield stack
        finally:
            stack.close()
