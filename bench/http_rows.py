"""Rows measured through the HTTP door, each beside its floors in the same round."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import capture
import cpu
import seed
from stack import Stack

from taproot_local.processes import answers, eventually, free_port
from taproot_local.provision import Database

HERE = Path(__file__).parent
CONNECTIONS = 16
READ_KEYS = 2000


@contextmanager
def http_floor() -> Iterator[int]:
    """The port of F-http."""
    echo, http = free_port(), free_port()
    script = str(HERE / "floor_http.py")
    commands = (["echo", str(echo)], ["http", str(http), str(echo)])
    running = [subprocess.Popen([sys.executable, script, *arguments]) for arguments in commands]
    try:
        if not eventually(lambda: answers(echo) and answers(http), 20):
            raise RuntimeError("the floor did not start")
        yield http
    finally:
        for process in running:
            process.terminate()
            process.wait(10)


def send(port: int, kind: str, seconds: float, allowed: tuple[int, ...] = (), **more: Any) -> dict[str, Any]:
    """One run of the load generator, in its own process. `allowed`: answers that are right beside those of success."""
    spec = {
        "port": port,
        "kind": kind,
        "seconds": seconds,
        "connections": CONNECTIONS,
        "seed": secrets.randbits(40),
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "load.py")],
        input=json.dumps(spec | more),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 120,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    right = {*map(str, allowed)}
    wrong = {
        status: count
        for status, count in found["statuses"].items()
        if not (status.startswith("2") or status in right)
    }
    if wrong:
        raise RuntimeError(f"{kind}: answers {wrong}: {found['sample']}")
    return found


class HttpRows:
    """`measure` runs the named row once and answers what each side of it did."""

    def __init__(self, stack: Stack, sql: Database, floor: int, customers: int, seconds: float) -> None:
        self._stack = stack
        self._sql = sql
        self._floor = floor
        self._seconds = seconds
        self._token = stack.sign_in()
        step = max(1, customers // READ_KEYS)
        self.keys = [seed.key_of(number) for number in range(1, customers + 1, step)][:READ_KEYS]
        self._round = 0
        catcher = capture.Catcher(sql.app_url)
        scripts = asyncio.run(catcher.scripts())
        self.event_payload = catcher.payload
        self._scripts = capture.save(stack.home.root / "scripts", scripts)
        self.rows: dict[str, Callable[[], dict[str, dict[str, Any]]]] = {
            "create": self._create,
            "get": lambda: self._read("get"),
            "profile": lambda: self._read("profile"),
        }
        for kind in ("create", "get", "profile"):  # dictionaries load, statements are prepared
            send(stack.http_port, kind, 1.0, token=self._token, keys=self.keys)

    def measure(self, row: str) -> dict[str, dict[str, Any]]:
        self._stack.settle()
        return self.rows[row]()

    def _create(self) -> dict[str, dict[str, Any]]:
        self._round += 1
        floor = send(self._floor, "create", self._seconds)
        ours = cpu.cost_of(self._stack, self._creates)
        sql = capture.pgbench(
            self._sql.app_url,
            self._scripts,
            self._seconds,
            CONNECTIONS,
            base=(self._round + secrets.randbelow(9000)) * 10**12,
        )
        return {"F-http": floor, "ours": ours, "F-sql": sql}

    def _creates(self) -> dict[str, Any]:
        """And all that follows from them."""
        found = send(self._stack.http_port, "create", self._seconds, token=self._token)
        self._stack.settle()
        return found

    def _read(self, kind: str) -> dict[str, dict[str, Any]]:
        floor = send(self._floor, kind, self._seconds, keys=self.keys)
        port, sign = self._stack.http_port, {"token": self._token, "keys": self.keys}
        ours = cpu.cost_of(self._stack, lambda: send(port, kind, self._seconds, **sign))
        found = {"F-http": floor, "ours": ours}
        if kind == "profile":
            half = self._seconds
            found["F-http half load"] = send(self._floor, kind, half, keys=self.keys, rate=floor["rate"] / 2)
            found["ours half load"] = send(port, kind, half, rate=ours["rate"] / 2, **sign)
        return found
