"""Two replicas of every service as processes of their own, replaced one by one as a cluster would."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from taproot_local.keys import ensure_keys
from taproot_local.nats import Nats
from taproot_local.postgres import Postgres
from taproot_local.processes import LOOPBACK, free_port
from taproot_local.provision import Administrator, Database
from taproot_local.services import GATEWAY, SERVICES, Service
from taproot_local.testing import own_postgres, scratch_directory

REPLICAS = 2
READY_SECONDS = 180  # a busy machine
STOP_SECONDS = 30
FORGET_SECONDS = 0.5  # what a pod sleeps before it ends, so that no new visitor is sent to it
MIN_READY_SECONDS = 3.0  # as `minReadySeconds` of the chart, or a little less
ADMIN_PASSWORD = "a-password-for-tests"


@dataclass
class Replica:
    """One process at addresses of its own; `package` is where its code lies, None: this checkout."""

    service: Service
    number: int
    port: int
    http: int
    door: int
    package: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return f"{self.service.name}-{self.number}"

    def serving(self) -> bool:
        """Whether it listens at everything it offers."""
        ports = (self.port, self.http) if self.service is GATEWAY else (self.port,)
        return all(_listening(port) for port in ports)


@dataclass
class Fleet:
    root: Path
    nats: Nats
    databases: dict[str, Database]
    replicas: dict[str, list[Replica]]
    visited: list[str] = field(default_factory=list)
    """URLs of the gateways a balancer would send visitors to."""
    _turn: int = 0

    def url(self) -> str:
        self._turn += 1
        return self.visited[self._turn % len(self.visited)]

    def migrate(self, service: Service, package: Path | None = None) -> None:
        database = self.databases[service.name]
        settings = {
            "TAPROOT_MIGRATION_DATABASE_URL": database.owner_url,
            "TAPROOT_DATABASE_URL": database.app_url,
        }
        environment = os.environ | settings | _code(package)
        done = subprocess.run(
            service.command("migrate"), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def start(self, replica: Replica, package: Path | None = None) -> None:
        replica.package = package
        with (self.root / f"{replica.name}.log").open("ab") as log:
            replica.process = subprocess.Popen(
                replica.service.command(), env=self._environment(replica), stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_SECONDS
        while not replica.serving():
            assert replica.process.poll() is None, self.log(replica)
            assert time.monotonic() < deadline, self.log(replica)
            time.sleep(0.05)
        if replica.service is GATEWAY:
            self.visited.append(f"http://{LOOPBACK}:{replica.http}")

    def stop(self, replica: Replica) -> int:
        """As a cluster does: no new visitors, then SIGTERM, and the end of what runs."""
        url = f"http://{LOOPBACK}:{replica.http}"
        if url in self.visited:
            self.visited.remove(url)
            time.sleep(FORGET_SECONDS)
        assert replica.process is not None
        replica.process.send_signal(signal.SIGTERM)
        return replica.process.wait(STOP_SECONDS)

    async def replace(self, service: str, package: Path | None = None) -> None:
        """One replica after the other; the rest goes on meanwhile."""
        for replica in self.replicas[service]:
            code = await asyncio.to_thread(self.stop, replica)
            assert code == 0, self.log(replica)
            await asyncio.to_thread(self.start, replica, package)
            await asyncio.sleep(MIN_READY_SECONDS)

    def log(self, replica: Replica) -> str:
        return (self.root / f"{replica.name}.log").read_text()[-4000:]

    def end(self) -> None:
        running = [one.process for found in self.replicas.values() for one in found if one.process]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _environment(self, replica: Replica) -> dict[str, str]:
        service, database = replica.service, self.databases[replica.service.name]
        state = self.root / "state" / replica.name
        state.mkdir(parents=True, exist_ok=True)
        settings = {
            "TAPROOT_DATABASE_URL": database.app_url,
            "TAPROOT_NATS_URL": self.nats.url,
            "TAPROOT_GRPC_PORT": str(replica.port),
            "TAPROOT_BACKENDS": ",".join(
                f"{other.peer}={'+'.join(f'{LOOPBACK}:{one.port}' for one in self.replicas[other.name])}"
                for other in SERVICES
            ),
            "TAPROOT_KEYS_DIR": str(self.root / "keys" / service.name),
            "TAPROOT_STATE_DIR": str(state),
            "TAPROOT_BLOB_DIR": str(self.root / "blobs"),
            "TAPROOT_DATABASE_POOL_SIZE": "5",
            "PYTHONUNBUFFERED": "1",
        }
        if service is GATEWAY:
            settings |= {
                "TAPROOT_HTTP_PORT": str(replica.http),
                "TAPROOT_GRPC_DOOR_PORT": str(replica.door),
                "TAPROOT_ADMIN_PASSWORD": ADMIN_PASSWORD,
            }
        return os.environ | settings | _code(replica.package)


@contextmanager
def running_fleet() -> Iterator[Fleet]:
    with scratch_directory() as root, own_postgres(durable=False) as postgres:
        nats = Nats(root / "nats", durable=False)
        nats.start()
        fleet = _prepare(root, nats, postgres)
        try:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(fleet.migrate, SERVICES))
                everyone = [one for found in fleet.replicas.values() for one in found]
                list(pool.map(fleet.start, everyone))
            yield fleet
        finally:
            fleet.end()
            nats.destroy()


def _prepare(root: Path, nats: Nats, postgres: Postgres) -> Fleet:
    administrator = Administrator(postgres.admin_url)
    databases = {one.name: administrator.ensure(one.name, one.database) for one in SERVICES}
    ensure_keys(root / "keys", {one.name: one.peer for one in SERVICES})
    taken: set[int] = set()

    def port() -> int:
        taken.add(found := free_port(taken=frozenset(taken)))
        return found

    replicas = {
        one.name: [Replica(one, number, port(), port(), port()) for number in range(REPLICAS)]
        for one in SERVICES
    }
    return Fleet(root, nats, databases, replicas)


def _code(package: Path | None) -> dict[str, str]:
    """A release of its own is found before the checkout's."""
    if package is None:
        return {}
    return {
        "PYTHONPATH": os.pathsep.join([str(package / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    }


def _listening(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
