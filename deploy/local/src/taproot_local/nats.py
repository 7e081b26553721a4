"""nats-server with JetStream from a wheel: one directory, one server, on the loopback interface only."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from taproot_local.certificates import CA, CERTIFICATE, KEY
from taproot_local.errors import LocalError
from taproot_local.processes import (
    LOOPBACK,
    Daemon,
    eventually,
    free_port,
    last_text,
    port_holder,
    port_is_free,
    write_atomically,
)

START_SECONDS = 60
STOP_SECONDS = 20
USER = "taproot"
# One server has no replica to recover from, and the relay marks an event as published when JetStream has
# acknowledged it: so every write reaches the disk first, at about an eighth of the speed (thousands of events
# per second all the same). In a cluster three replicas take that part.
DURABLE = "always"
# A crash of the process loses nothing even so; only a crash of the machine would.
NOT_DURABLE = "2m"
LOG_LIMIT = "16MB"
ROOM_BYTES = 32_000_000
READY, FULL = "Server is ready", "no space left on device"


class Nats:
    """A server in `directory`. Any process may hold such an object; the state is in the directory.

    `tls` holds a folder of certificates for `nats`: then nobody gets in without one of the same authority.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        log: Path | None = None,
        tls: Path | None = None,
    ) -> None:
        self._tls = tls
        self.directory = directory
        self.log = log or directory / "nats.log"
        self._port = port
        self._durable = durable
        self._daemon = Daemon(directory)

    @property
    def running(self) -> bool:
        return self._daemon.alive()

    @property
    def stuck(self) -> bool:
        """Whether it met a full disk that has room again: until a restart it refuses whatever it refused then."""
        try:
            if shutil.disk_usage(self.directory).free < ROOM_BYTES:
                return False
        except OSError:
            return False
        return FULL in last_text(self.log).rpartition(READY)[2]

    @property
    def pid(self) -> int | None:
        ref = self._daemon.ref
        return ref.pid if ref is not None else None

    @property
    def port(self) -> int:
        return int(self._known()["port"])

    @property
    def url(self) -> str:
        known = self._known()
        scheme = "tls" if self._tls else "nats"
        return f"{scheme}://{USER}:{known['password']}@{LOOPBACK}:{known['port']}"

    def start(self) -> None:
        """Start it, after a crash too; returns when JetStream answers. Raises LocalError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.running:
            self.stop()  # left behind by a program that was killed
        for attempt in (1, 2, 3):
            if self._launch(self._choose_port()):
                return
            if attempt == 3 or self._port is not None or "address already in use" not in self._reason():
                raise LocalError(f"nats-server could not start: {self._reason()} (log: {self.log})")

    def stop(self) -> None:
        """Write everything, end."""
        self._daemon.end(signal.SIGTERM, STOP_SECONDS)

    def kill(self) -> None:
        """As a crash (SIGKILL), for tests of recovery."""
        self._daemon.kill()

    def destroy(self) -> None:
        """Stop it and delete its data."""
        self._daemon.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _known(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads((self.directory / "server.json").read_text())
        except OSError:
            raise LocalError(f"There is no nats-server in {self.directory}.") from None
        return known

    def _choose_port(self) -> int:
        if self._port is not None:
            if not port_is_free(self._port):
                raise LocalError(
                    f"Port {self._port} for nats-server is already in use{port_holder(self._port)}."
                )
            return self._port
        try:
            return free_port(self.port)
        except LocalError:
            return free_port()

    def _launch(self, port: int) -> bool:
        name = secrets.token_hex(8)
        configuration = self.directory / "nats.conf"
        write_atomically(configuration, self._configuration(port, name))
        self._daemon.spawn([binary(), "-c", configuration], self.log, environment={"PATH": os.defpath})
        if not eventually(lambda: greets(self.url, name) or not self.running, START_SECONDS):
            self.stop()
            raise LocalError(f"nats-server was not ready after {START_SECONDS} s (log: {self.log}).")
        return self.running

    def _configuration(self, port: int, name: str) -> str:
        try:
            password = str(self._known()["password"])
        except LocalError:
            password = secrets.token_hex(16)
        write_atomically(self.directory / "server.json", json.dumps({"port": port, "password": password}))
        sync = DURABLE if self._durable else NOT_DURABLE
        return f"""
            server_name: "{name}"
            listen: "{LOOPBACK}:{port}"
            log_file: {json.dumps(str(self.log))}
            logfile_size_limit: {LOG_LIMIT}
            logfile_max_num: 3
            max_payload: 8MB
            authorization {{ user: {USER}, password: "{password}" }}
            {self._encrypted()}
            jetstream {{ store_dir: {json.dumps(str(self.directory / "data"))}, sync_interval: {sync} }}
        """

    def _encrypted(self) -> str:
        if self._tls is None:
            return ""
        ca, certificate, key = (json.dumps(str(self._tls / "nats" / name)) for name in (CA, CERTIFICATE, KEY))
        return f'tls {{ ca_file: {ca}, cert_file: {certificate}, key_file: {key}, verify: true, min_version: "1.3" }}'

    def _reason(self) -> str:
        lines = last_text(self.log).strip().splitlines()
        serious = [line for line in lines if "[FTL]" in line or "[ERR]" in line] or lines[-1:]
        return serious[-1].split("] ")[-1] if serious else "it wrote no reason"


def binary() -> Path:
    """The wheel puts it beside the interpreter."""
    for directory in (Path(sys.executable).parent, Path(sys.prefix) / "bin"):
        if (directory / "nats-server").exists():
            return directory / "nats-server"
    found = shutil.which("nats-server")
    if found is None:
        raise LocalError("nats-server is not installed: run `make up`, which installs it.")
    return Path(found)


def greets(url: str, name: str | None = None) -> bool:
    """The first line a server sends says who it is; JetStream is on before clients are let in."""
    address = urlsplit(url)
    try:
        with (
            socket.create_connection((address.hostname, address.port), timeout=1) as connection,
            connection.makefile("rb") as lines,
        ):
            hello = json.loads(lines.readline().decode(errors="replace").partition(" ")[2])
    except (OSError, ValueError):
        return False
    return hello.get("jetstream") is True and name in {None, hello.get("server_name")}
