from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from taproot_local import child as subject
from taproot_local.child import Child, RotatingLog

DRAINS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("drained"), sys.exit(0)))
print("up", flush=True)
while True: time.sleep(0.05)
"""


def make(tmp_path: Path, program: str, seen: list[str] | None = None) -> Child:
    echo = None if seen is None else lambda name, line: seen.append(f"{name} {line}")
    command = [sys.executable, "-c", program]
    return Child(
        "one", command, {"PYTHONUNBUFFERED": "1"}, tmp_path / "one.log", changed=lambda: None, echo=echo
    )


async def until(condition: object, seconds: float = 10) -> None:
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_what_is_killed_comes_back(tmp_path: Path) -> None:
    one = make(tmp_path, DRAINS)
    one.start()
    await until(lambda: "up" in one.log.last)
    first = one.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: one.pid not in {None, first})
    assert one.restarts == 1
    await one.stop(5)
    assert "ended with -9" in (tmp_path / "one.log").read_text()


async def test_pauses_grow_while_it_keeps_failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "FIRST_PAUSE", 0.01)
    one = make(tmp_path, "raise SystemExit(3)")
    one.start()
    await until(lambda: one.restarts >= 3)
    await one.stop(5)
    text = (tmp_path / "one.log").read_text()
    assert all(f"ended with 3, again in {pause} s" in text for pause in (0.01, 0.02, 0.04))


async def test_stop_lets_it_drain(tmp_path: Path) -> None:
    seen: list[str] = []
    one = make(tmp_path, DRAINS, seen)
    one.start()
    await until(lambda: "up" in one.log.last)
    await one.stop(5)
    assert seen == ["one up", "one drained"]
    assert one.pid is None


async def test_stop_does_not_wait_for_ever(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"
    one = make(tmp_path, deaf)
    one.start()
    await until(lambda: "up" in one.log.last)
    await asyncio.wait_for(one.stop(0.2), 5)
    assert one.pid is None


async def test_a_line_longer_than_any_buffer_is_no_problem(tmp_path: Path) -> None:
    one = make(tmp_path, "print('x' * 300_000); print('end'); import time; time.sleep(60)")
    one.start()
    await until(lambda: "end" in one.log.last)
    await one.stop(5)
    assert (tmp_path / "one.log").read_text().splitlines()[0] == "x" * 300_000


def test_logs_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LOG_BYTES", 100)
    log = RotatingLog(tmp_path / "a.log")
    for number in range(60):
        log.write(f"{number:030d}\n".encode())
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2", "a.log.3"]
    newest = (tmp_path / "a.log").read_text() + (tmp_path / "a.log.1").read_text()
    assert f"{59:030d}" in newest


def test_a_full_disk_costs_lines_and_not_the_process() -> None:
    log = RotatingLog(Path("/dev/full"))
    log.write(b"one\n")
    log.write(b"two\n")
    assert list(log.last) == ["one", "two"]
    log.close()
