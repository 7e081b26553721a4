"""PostgreSQL 18 from a wheel: one directory, one server, on the loopback interface only."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psutil

from taproot_local.account import VERSION, binaries, reachable, server_account
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

SUPERUSER = "postgres"
START_SECONDS = 120  # crash recovery replays the log first
STOP_SECONDS = 30
LOG_BYTES = 10_000_000
CLEAN = {"LC_ALL": "C", "LANG": "C", "TZ": "UTC", "PATH": os.defpath}
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may be longer than the system allows
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "log_checkpoints": "off",
    "timezone": "UTC",
    # Passwords are random and 128 bits long: stretching them would only slow every connection down.
    "scram_iterations": "64",
}
# For tests: a crash of the machine may lose everything, a crash of a process nothing.
NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
}
LEFTOVERS = ("pre-existing shared memory block", "lock file")


class Postgres:
    """A server in `directory`. Any process may hold such an object; the state is in the directory.

    `durable=False` switches fsync off. A port is remembered; without one the system chooses.
    """

    def __init__(
        self, directory: Path, *, port: int | None = None, durable: bool = True, log: Path | None = None
    ) -> None:
        self._wanted = directory
        self.log = log or directory / "postgres.log"
        self._port = port
        self._durable = durable
        self._daemon = Daemon(directory)

    @property
    def directory(self) -> Path:
        return self._wanted.resolve()

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def running(self) -> bool:
        return self._daemon.alive()

    @property
    def stuck(self) -> bool:
        """Never: a full disk makes statements fail or the server end, and both pass."""
        return False

    @property
    def pid(self) -> int | None:
        ref = self._daemon.ref
        return ref.pid if ref is not None else None

    @property
    def port(self) -> int:
        return int(self._known()["port"])

    @property
    def admin_url(self) -> str:
        """The superuser's URL."""
        known = self._known()
        return f"postgresql://{SUPERUSER}:{quote(known['password'])}@{LOOPBACK}:{known['port']}/postgres"

    def start(self) -> None:
        """Start it, after a crash too; returns when it accepts connections. Raises LocalError."""
        directory = reachable(self._wanted)
        if self.running:
            self.stop()  # left behind by a program that was killed
        self._check_version()
        if not self.data.exists():
            self._initialise(directory)
        self._clear_leftovers()
        self._rotate_log()
        for attempt in (1, 2, 3):
            if self._launch(self._choose_port()):
                return
            if attempt == 3 or not self._worth_another_try():
                raise LocalError(f"PostgreSQL could not start: {self._last_fatal()} (log: {self.log})")

    def stop(self) -> None:
        """Roll back open transactions, write everything, end."""
        self._daemon.end(signal.SIGINT, STOP_SECONDS)

    def kill(self) -> None:
        """As a crash (SIGKILL), for tests of recovery."""
        self._daemon.kill()

    def destroy(self) -> None:
        """Stop it and delete its data."""
        if self.running:
            self._daemon.end(signal.SIGQUIT, STOP_SECONDS)
        target = self.directory
        shutil.rmtree(target, ignore_errors=True)
        if self._wanted.is_symlink():
            self._wanted.unlink()

    def _known(self) -> dict[str, str]:
        try:
            known: dict[str, str] = json.loads((self._wanted / "server.json").read_text())
        except OSError:
            raise LocalError(f"There is no PostgreSQL in {self._wanted}.") from None
        return known

    def _check_version(self) -> None:
        mark = self.data / "PG_VERSION"
        if mark.exists() and mark.read_text().strip() != VERSION:
            raise LocalError(
                f"{self.data} was made by PostgreSQL {mark.read_text().strip()}, this is {VERSION}: "
                "dump it with the old version or start afresh with `make clean`."
            )

    def _initialise(self, directory: Path) -> None:
        """A cluster appears under its name only when it is whole."""
        fresh, password_file = directory / "data.new", directory / "password"
        shutil.rmtree(fresh, ignore_errors=True)
        account, password = server_account(), secrets.token_hex(16)
        fresh.mkdir(mode=0o700)
        account.own(fresh)
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        account.own(password_file)
        options = ["--locale=C", "--encoding=UTF8", "--auth=scram-sha-256", f"--username={SUPERUSER}"]
        options += [f"--pwfile={password_file}", "--no-instructions"]
        options += [] if self._durable else ["--no-sync"]
        done = subprocess.run(
            [binaries() / "initdb", *options, "-D", fresh],
            env=CLEAN,
            cwd=directory,
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
        password_file.unlink()
        if done.returncode != 0:
            reason = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
            raise LocalError(f"PostgreSQL could not create its data directory {fresh}: {reason}")
        write_atomically(directory / "server.json", json.dumps({"password": password, "port": "0"}))
        fresh.rename(self.data)

    def _clear_leftovers(self) -> None:
        """After kill -9: wait for the last backends, then drop a pid file whose number may be anybody's by now."""
        if not (self.data / "postmaster.pid").exists():
            return
        if not eventually(lambda: not self._backends(), 10, pause=0.1):
            for backend in self._backends():
                backend.kill()
            eventually(lambda: not self._backends(), 10, pause=0.1)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))

    def _backends(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd() == str(self.data) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def _choose_port(self) -> int:
        if self._port is not None:
            if not port_is_free(self._port):
                raise LocalError(
                    f"Port {self._port} for PostgreSQL is already in use{port_holder(self._port)}."
                )
            return self._port
        return free_port(int(self._known()["port"]) or None)

    def _launch(self, port: int) -> bool:
        account = server_account()
        settings = SETTINGS | ({} if self._durable else NOT_DURABLE) | {"port": str(port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._daemon.spawn(
            [binaries() / "postgres", "-D", self.data, *options],
            self.log,
            environment=CLEAN,
            user=account.uid,
            group=account.gid,
            cwd=self.directory,
        )
        if not eventually(lambda: self._ready() or not self.running, START_SECONDS):
            self.stop()
            raise LocalError(f"PostgreSQL was not ready after {START_SECONDS} s (log: {self.log}).")
        if self.running:
            write_atomically(self.directory / "server.json", json.dumps(self._known() | {"port": str(port)}))
        return self.running

    def _ready(self) -> bool:
        """The server writes its state into line 8 of its pid file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _worth_another_try(self) -> bool:
        reason = self._last_fatal()
        if any(text in reason for text in LEFTOVERS):
            return not eventually(lambda: False, 1)
        return self._port is None and "TCP/IP" in reason  # somebody took the port in between

    def _last_fatal(self) -> str:
        lines = last_text(self.log).splitlines()
        serious = [line for line in lines if "FATAL:" in line or "PANIC:" in line] or lines[-1:]
        return serious[-1].partition("FATAL:")[2].strip() or serious[-1] if serious else "it wrote no reason"
