"""Processes that outlive whoever started them, and loopback ports."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from taproot_local.errors import LocalError

LOOPBACK = "127.0.0.1"
# psutil derives the start from the boot time, which moves a little when the clock is set.
START_TOLERANCE_SECONDS = 2.0
LAST_BYTES = 65536
FIRST_PORT, LAST_PORT = 20_000, 31_999


@dataclass(frozen=True)
class ProcessRef:
    """A process named so that a recycled pid is never mistaken for it."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessRef:
        """Raises psutil.NoSuchProcess when it is gone already."""
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def load(cls, path: Path) -> ProcessRef | None:
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self)))

    def alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TOLERANCE_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def send(self, number: int) -> None:
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it ended in time."""
        return eventually(lambda: not self.alive(), seconds)

    def end(self, number: int = signal.SIGTERM, seconds: float = 10) -> None:
        """Ask it to stop, then make it."""
        self.send(number)
        if not self.wait(seconds):
            self.send(signal.SIGKILL)
            self.wait(5)


# Servers started by this process, whichever object did it: only their parent can reap them.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


class Daemon:
    """One server process under a directory, found again from any other process by `process.json`."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "process.json"

    @property
    def ref(self) -> ProcessRef | None:
        return ProcessRef.load(self._file)

    def alive(self) -> bool:
        ref = self.ref
        if ref is None:
            return False
        alive = ref.alive()
        child = _CHILDREN.get(ref.pid)
        if child is not None and (not alive or child.poll() is not None):
            child.wait()  # reaps it, so that no zombie stays behind
            del _CHILDREN[ref.pid]
            return False
        return alive

    def spawn(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str],
        user: int | None = None,
        group: int | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start in a session of its own, so that Ctrl-C in the terminal does not reach it."""
        with log.open("ab") as out:
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                cwd=cwd,
            )
        _CHILDREN[child.pid] = child
        try:
            ProcessRef.of(child.pid).save(self._file)
        except OSError:  # nobody would find it again, and its port would stay taken
            child.kill()
            child.wait()
            del _CHILDREN[child.pid]
            raise

    def end(self, number: int, seconds: float) -> None:
        """Signal and wait; when patience ends, SIGKILL."""
        ref = self.ref
        if ref is not None:
            ref.send(number)
            if not eventually(lambda: not self.alive(), seconds):
                ref.send(signal.SIGKILL)
                eventually(lambda: not self.alive(), 5)
        self._file.unlink(missing_ok=True)

    def kill(self) -> None:
        """As a crash: no warning, and what describes the process stays behind."""
        ref = self.ref
        if ref is not None:
            ref.send(signal.SIGKILL)
            eventually(lambda: not self.alive(), 10)


def eventually(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Poll `condition()` until it is true or the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None, taken: frozenset[int] = frozenset()) -> int:
    """The preferred port when nobody has it, else any.

    Below those the system gives to outgoing connections: one of these could take it before it is used. What is found
    free is not held: who starts several at once gives each a range of its own in `TAPROOT_LOCAL_PORTS`.
    """
    if preferred is not None and preferred not in taken and port_is_free(preferred):
        return preferred
    while True:
        port = secrets.choice(_own_ports())
        if port not in taken and port_is_free(port):
            return port


def _own_ports() -> range:
    """Raises LocalError for a range that is none."""
    text = os.environ.get("TAPROOT_LOCAL_PORTS") or f"{FIRST_PORT}-{LAST_PORT}"
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1024 <= int(first) < int(last) <= 65_535):
        raise LocalError(
            f"TAPROOT_LOCAL_PORTS is not a range of ports such as {FIRST_PORT}-{LAST_PORT}: {text}"
        )
    return range(int(first), int(last) + 1)


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def port_holder(port: int) -> str:
    """` by python (pid 42)`, or nothing when the system does not tell."""
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if (
                address
                and address.port == port
                and connection.status == psutil.CONN_LISTEN
                and connection.pid
            ):
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return ""


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Readers see the old or the new text, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def last_text(log: Path) -> str:
    """The end of a log file."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - LAST_BYTES))
            return stream.read().decode(errors="replace")
    except OSError:
        return ""
