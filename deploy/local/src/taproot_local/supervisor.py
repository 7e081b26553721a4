"""Starts Taproot, keeps it running, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psutil

from taproot_local.child import Child
from taproot_local.commands import COMMANDS
from taproot_local.errors import LocalError
from taproot_local.home import Home
from taproot_local.infrastructure import Infrastructure
from taproot_local.keys import ensure_keys
from taproot_local.migrate import migrate
from taproot_local.processes import ProcessRef, answers, port_holder, port_is_free
from taproot_local.provision import Database
from taproot_local.services import (
    GATEWAY,
    PORT_NAMES,
    SERVICES,
    Addresses,
    Service,
    code_fingerprint,
    environment,
)

READY_SECONDS = 120
DRAIN_SECONDS = 25
LOOK_SECONDS = 0.5
ATTEMPTS = 3
T = TypeVar("T")


class Supervisor:
    """One run of `taproot up`. `say` shows a line to the person at the keyboard."""

    def __init__(self, home: Home, *, say: Callable[[str], None], verbose: bool = False) -> None:
        self._home = home
        self._say = say
        self._echo = (lambda name, line: say(f"{name:<11} | {line}")) if verbose else None
        self._stop = asyncio.Event()
        self._children: list[Child] = []
        self._infrastructure: Infrastructure | None = None
        self._addresses: Addresses | None = None
        self._databases: dict[str, Database] = {}
        self._seeding: asyncio.subprocess.Process | None = None
        self._status = "starting"
        self._state_written = True

    async def run(self) -> None:
        """Until a signal or `LocalError`; leaves nothing running."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupted)
        try:
            if await self._unless_stopped(self._start()):
                await self._watch()
        finally:
            await self._shut_down()

    def _interrupted(self) -> None:
        if self._stop.is_set():
            self._say("Stopping at once.")
            for child in self._children:
                child.kill()
        self._stop.set()

    async def _unless_stopped(self, work: Any) -> bool:
        """Whether the work was finished rather than interrupted."""
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return False

    async def _start(self) -> None:
        begun = time.monotonic()
        reap(self._home)
        self._addresses = self._choose_addresses()
        self._infrastructure = Infrastructure(self._home, self._addresses.ports, os.environ)
        self._write_state()
        self._say("Starting PostgreSQL and NATS")
        await uninterrupted(self._infrastructure.start)
        self._databases = await uninterrupted(self._infrastructure.provision)
        self._addresses = self._addresses.with_nats(
            self._infrastructure.nats_url, encrypted=self._infrastructure.encrypted
        )
        ensure_keys(self._home.keys, {service.name: service.peer for service in SERVICES})
        await self._migrate(self._infrastructure)
        self._say("Starting the services")
        self._start_children(self._addresses)
        await self._wait_until_ready(self._addresses)
        self._status = "ready"
        self._write_state()
        self._greet(self._addresses, time.monotonic() - begun)
        await self._load_demo()

    def _choose_addresses(self) -> Addresses:
        http = _port("TAPROOT_PORT", 8080)
        door = _port("TAPROOT_GRPC_PORT", http + 1)
        for port, setting in ((http, "TAPROOT_PORT"), (door, "TAPROOT_GRPC_PORT")):
            if not port_is_free(port):
                raise LocalError(
                    f"Port {port} is already in use{port_holder(port)}: free it, or choose another by {setting}."
                )
        return Addresses(http, door, self._home.ports(PORT_NAMES, frozenset({http, door})), "")

    async def _migrate(self, infrastructure: Infrastructure) -> None:
        async def one(service: Service) -> None:
            fingerprint = await asyncio.to_thread(code_fingerprint, service)
            if not infrastructure.migrated(service, fingerprint):
                log = self._home.logs / f"{service.name}-migrate.log"
                await migrate(service, self._databases[service.name], log)
                infrastructure.mark_migrated(service, fingerprint)

        self._say("Migrating the databases")
        for failure in await asyncio.gather(*map(one, SERVICES), return_exceptions=True):
            if failure is not None:
                raise failure

    def _environment(self, service: Service) -> dict[str, str]:
        assert self._addresses is not None
        return environment(service, self._home, self._databases[service.name], self._addresses)

    def _start_children(self, addresses: Addresses) -> None:
        sink = [sys.executable, "-m", "taproot_local.smtp_sink", str(self._home.mail)]
        sink += [str(addresses.ports["mail.smtp"]), str(addresses.ports["mail.http"])]
        self._add("mail", sink, {})
        for service in SERVICES:
            self._add(service.name, service.command(), self._environment(service))

    def _add(self, name: str, command: list[str], settings: dict[str, str]) -> None:
        log = self._home.logs / f"{name}.log"
        child = Child(name, command, settings, log, changed=self._write_state, echo=self._echo)
        self._children.append(child)
        child.start()

    async def _wait_until_ready(self, addresses: Addresses) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            waiting = await asyncio.to_thread(_not_listening, addresses)
            if not waiting and await answers_ready(addresses.http):
                return
            for child in self._children:
                if child.restarts >= ATTEMPTS:
                    raise LocalError(self._complaint(child, "keeps stopping"))
            if time.monotonic() > deadline:
                late = next((child for child in self._children if child.name in waiting), self._children[-1])
                raise LocalError(self._complaint(late, f"was not ready after {READY_SECONDS} s"))
            await asyncio.sleep(0.1)

    def _complaint(self, child: Child, what: str) -> str:
        last = "\n".join(f"    {line}" for line in child.log.last)
        return f"{child.name} {what}; the end of {self._home.logs / child.name}.log:\n{last}"

    async def _load_demo(self) -> None:
        """Somebody who looks for the first time should find something to look at. Taproot is usable meanwhile."""
        if "seed" not in COMMANDS or os.environ.get("TAPROOT_DEMO", "on") == "off":
            return
        self._seeding = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "taproot_local", "seed", "--if-empty"),
            stdin=asyncio.subprocess.DEVNULL,
            env=os.environ | {"TAPROOT_HOME": str(self._home.root)},
        )

    async def _stop_loading(self) -> None:
        """What is loaded stays; the next start goes on from there."""
        if self._seeding is not None and self._seeding.returncode is None:
            self._seeding.terminate()
            await self._seeding.wait()

    def _greet(self, addresses: Addresses, seconds: float) -> None:
        lines = [
            f"Taproot is ready ({seconds:.1f} s).",
            "",
            f"  Application and API   {addresses.web}",
            f"  gRPC                  localhost:{addresses.door}",
            f"  Mail it has sent      {addresses.mail}",
        ]
        if self._home.admin_password.exists():
            lines.append(f"  Log in as             admin / {self._home.admin_password.read_text().strip()}")
        lines += [f"  Logs                  {self._home.logs}", "", "Ctrl-C stops it."]
        self._say("\n".join(lines))

    async def _watch(self) -> None:
        assert self._infrastructure is not None
        while not self._stop.is_set():
            for line in await uninterrupted(self._infrastructure.revive):
                self._say(line)
                self._write_state()
            if not self._state_written:
                self._write_state()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_SECONDS)

    async def _shut_down(self) -> None:
        self._status = "stopping"
        await self._stop_loading()
        if self._children:
            self._say("Stopping")
            self._write_state()
        first = [child for child in self._children if child.name == GATEWAY.name]
        await asyncio.gather(*(child.stop(DRAIN_SECONDS) for child in first))
        await asyncio.gather(*(child.stop(DRAIN_SECONDS) for child in self._children if child not in first))
        if self._infrastructure is not None:
            await asyncio.to_thread(self._infrastructure.stop)
        self._status = "stopped"
        self._write_state()

    def _write_state(self) -> None:
        """What `taproot status` and tests read; with passwords, so it is readable by the owner only."""
        addresses = self._addresses
        if addresses is None:
            return
        try:
            self._home.write_state(self._state(addresses))
            self._state_written = True
        except OSError:  # a full disk must not end whoever starts again what has stopped
            self._state_written = False

    def _state(self, addresses: Addresses) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "status": self._status,
            "http_url": f"http://127.0.0.1:{addresses.http}",
            "grpc_address": f"127.0.0.1:{addresses.door}",
            "mail_url": f"http://127.0.0.1:{addresses.ports['mail.http']}",
            "smtp_url": f"smtp://127.0.0.1:{addresses.ports['mail.smtp']}",
            "nats_url": addresses.nats_url,
            "ports": dict(addresses.ports),
            "processes": self._processes(),
            "services": {service.name: self._described(service, addresses) for service in SERVICES},
        }

    def _described(self, service: Service, addresses: Addresses) -> dict[str, str]:
        database = self._databases.get(service.name)
        found = {
            "grpc": f"127.0.0.1:{addresses.grpc(service)}",
            "metrics": f"127.0.0.1:{addresses.metrics(service)}",
        }
        if database is not None:
            found |= {"app_url": database.app_url, "owner_url": database.owner_url}
        return found

    def _processes(self) -> dict[str, dict[str, float | int]]:
        found: dict[str, dict[str, float | int]] = {}
        pids = {child.name: (child.pid, child.restarts) for child in self._children}
        if self._infrastructure is not None:
            for name, server in self._infrastructure.servers.items():
                pids[name] = (server.pid, self._infrastructure.restarts[name])
        for name, (pid, restarts) in pids.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                if pid is not None:
                    ref = ProcessRef.of(pid)
                    found[name] = {"pid": ref.pid, "started": ref.started, "restarts": restarts}
        return found


def reap(home: Home) -> None:
    """Stop services whose supervisor was killed; servers are found by their own directories."""
    refs = {
        name: ProcessRef(int(found["pid"]), float(found["started"]))
        for name, found in home.state().get("processes", {}).items()
        if name not in {"postgres", "nats"}
    }
    for ref in refs.values():
        ref.send(signal.SIGTERM)
    for ref in refs.values():
        ref.end()


async def uninterrupted(work: Callable[[], T]) -> T:
    """Run blocking work in a thread; a cancellation waits for its end, so that nothing half-started is left."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(LocalError):
            await task
        raise


async def answers_ready(port: int) -> bool:
    """Whether `GET /readyz` says 200."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split()[1:2] == [b"200"]


def _not_listening(addresses: Addresses) -> set[str]:
    return {service.name for service in SERVICES if not answers(addresses.grpc(service))}


def _port(setting: str, default: int) -> int:
    text = os.environ.get(setting, str(default))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise LocalError(f"{setting} is {text!r}, which is no port number.")
    return int(text)
