"""The state directory: where everything of one local Taproot lies, and what is remembered between starts."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taproot_local.errors import LocalError
from taproot_local.processes import free_port, write_atomically

NEEDED_BYTES = 500_000_000
PRIVATE_DIRECTORIES = ("blobs", "keys", "logs", "mail", "nats", "state", "traces")


def repository() -> Path:
    """The checkout this file runs from."""
    return Path(__file__).resolve().parents[4]


class Home:
    """Paths and memory of one instance. TAPROOT_HOME names the directory, default `.taproot` in the checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state_file = root / "state.json"
        self.postgres = root / "postgres"
        self.nats = root / "nats"
        self.logs = root / "logs"
        self.keys = root / "keys"
        self.tls = root / "tls"
        self.traces = root / "traces"
        self.blobs = root / "blobs"
        self.mail = root / "mail"
        self.admin_password = root / "admin-password"
        self._lock = root / "lock"
        self._handle: int | None = None

    @classmethod
    def current(cls, environment: Mapping[str, str] | None = None) -> Home:
        chosen = (os.environ if environment is None else environment).get("TAPROOT_HOME")
        return cls(Path(chosen).expanduser().absolute() if chosen else repository() / ".taproot")

    def prepare(self) -> None:
        """Create the directories. Raises LocalError when the disk has no room for a database."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711)  # PostgreSQL's account passes through; what is private is a directory deeper
        for name in PRIVATE_DIRECTORIES:
            (self.root / name).mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(self.root).free
        if free < NEEDED_BYTES:
            raise LocalError(f"The disk of {self.root} is full: {free // 1_000_000} MB free, 500 MB needed.")

    def state_directory(self, process: str) -> Path:
        directory = self.root / "state" / process
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory

    def take(self) -> None:
        """Become the only instance of this directory until `release` or the end of this process."""
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise LocalError(
                f"Taproot is already running from {self.root}{self._holder()}: "
                "stop it with `.venv/bin/taproot down`, or set TAPROOT_HOME to run a second one."
            ) from None
        self._handle = handle

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def taken(self) -> bool:
        """Whether an instance is running."""
        if not self._lock.exists():
            return False
        handle = os.open(self._lock, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _holder(self) -> str:
        pid = self.state().get("pid")
        return f" (pid {pid})" if pid else ""

    def state(self) -> dict[str, Any]:
        """What the running (or last) instance wrote; empty when there was none."""
        return _read(self.state_file)

    def write_state(self, state: Mapping[str, Any]) -> None:
        write_atomically(self.state_file, json.dumps(state, indent=2))

    def secret(self) -> str:
        """Random, made once: what passwords on an external database are derived from."""
        path = self.root / "secret"
        if not path.exists():
            write_atomically(path, secrets.token_hex(32))
        return path.read_text()

    def ports(self, names: tuple[str, ...], reserved: frozenset[int]) -> dict[str, int]:
        """A free loopback port per name, the same as last time wherever it is still free."""
        remembered = _read(self.root / "ports.json")
        chosen: dict[str, int] = {}
        for name in names:
            chosen[name] = free_port(remembered.get(name), reserved | frozenset(chosen.values()))
        write_atomically(self.root / "ports.json", json.dumps(remembered | chosen, indent=2))
        return chosen


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
