"""One supervised process: its log, and its restarts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

LOG_BYTES = 10_000_000
LOGS_KEPT = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
HEALTHY_SECONDS = 30
LAST_LINES = 15


class RotatingLog:
    """`<name>.log`, older ones `<name>.log.1` .. `.3`; remembers the last lines.

    Lines that a full disk does not take are lost: whoever writes them must not stop for that.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._out = path.open("ab", buffering=0)
        self.last: deque[str] = deque(maxlen=LAST_LINES)

    def write(self, line: bytes) -> None:
        self.last.append(line.decode(errors="replace").rstrip())
        with contextlib.suppress(OSError):
            self._out.write(line)
            if self._out.tell() > LOG_BYTES:
                self._rotate()

    def close(self) -> None:
        self._out.close()

    def _rotate(self) -> None:
        for number in range(LOGS_KEPT, 0, -1):
            newer = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            if newer.exists():
                newer.replace(self._path.with_name(f"{self._path.name}.{number}"))
        full, self._out = self._out, self._path.open("ab", buffering=0)
        full.close()


class Child:
    """Runs a command until told to stop, again and again if it must, with growing pauses.

    `changed` is called when it starts or ends; `echo` receives each line of its output.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        changed: Callable[[], None],
        echo: Callable[[str, str], None] | None = None,
    ) -> None:
        self.name = name
        self.restarts = 0
        self.log = RotatingLog(log)
        self._command = command
        self._environment = {**os.environ, **environment}
        self._changed = changed
        self._echo = echo
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise(), name=f"child {self.name}")

    async def stop(self, seconds: float) -> None:
        """SIGTERM, so that it drains; SIGKILL when that takes too long."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=seconds)
            if not done:
                self._signal(signal.SIGKILL)
                await asyncio.wait({self._task}, timeout=5)
        self.log.close()

    def kill(self) -> None:
        """When draining takes too long for somebody."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.pid is not None and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _supervise(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            begun = time.monotonic()
            code = await self._run_once()
            self._changed()
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE if time.monotonic() - begun > HEALTHY_SECONDS else pause
            self.log.write(f"-- {self.name} ended with {code}, again in {pause} s\n".encode())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            self.restarts += 1

    async def _run_once(self) -> int:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
            umask=0o077,  # records, mail and passwords are nobody else's business
        )
        self._changed()
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        assert self._process.stdout is not None
        pump = asyncio.create_task(self._pump(self._process.stdout))
        code = await self._process.wait()
        # Grandchildren may hold the pipe open after the process itself is gone.
        await asyncio.wait({pump}, timeout=1)
        pump.cancel()
        return code

    async def _pump(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
        if rest:
            self._take(rest)

    def _take(self, line: bytes) -> None:
        self.log.write(line + b"\n")
        if self._echo is not None:
            self._echo(self.name, line.decode(errors="replace"))
