"""What the drill breaks things with, and the book of its results."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from chaoskit.book import Book
from chaoskit.clocks import Clocks
from chaoskit.disks import disk_of_its_own
from chaoskit.drill import Result

HOOKS = Path(__file__).parent / "hooks"


def test_a_process_follows_its_clock_and_keeps_its_deadlines(tmp_path: Path) -> None:
    clocks = Clocks(tmp_path / "clocks", ["sales"])
    clocks.shift("sales", 3600.0)
    program = f"""
import shifting, time
from pathlib import Path
shifting.follow(Path({str(clocks.directory / "sales")!r}))
from taproot_base import auth, clock
print(clock.SystemClock().now().timestamp() - time.time(), auth.time.time() - time.time(),
      auth.time.monotonic() - time.monotonic())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(HOOKS)},
        capture_output=True,
        text=True,
        check=True,
    )
    now, token, monotonic = map(float, done.stdout.split())
    assert (round(now), round(token), round(monotonic)) == (3600, 3600, 0)


def test_a_full_disk_takes_nothing_until_it_is_freed(tmp_path: Path) -> None:
    with disk_of_its_own(tmp_path) as disk:
        if not disk.small:
            pytest.skip("no file system may be mounted here")
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "one").write_bytes(b"x" * 10_000)
        disk.free()
        (tmp_path / "one").write_bytes(b"x" * 10_000)


def test_the_machines_own_disk_is_never_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaoskit.disks._mounted", lambda *_: False)
    with disk_of_its_own(tmp_path) as disk, pytest.raises(OSError, match="no file system of its own"):
        disk.fill()


def run_of(seed: int, *faults: dict[str, Any], wrong: str = "") -> Result:
    findings = {"ledgers_balance": [wrong] if wrong else []}
    return Result(seed, 60.0, faults=list(faults), findings=findings, facts={"requests": 10})


def fault(kind: str, seconds: float, skipped: str = "") -> dict[str, Any]:
    now = time.time()
    return {"kind": kind, "time": now, "until": now + seconds, "skipped": skipped}


def test_the_book_sums_up_and_names_what_failed(tmp_path: Path) -> None:
    book = Book.opened(tmp_path / "b.json", resume=True)
    book.add(run_of(1, fault("kill", 2.0), fault("kill", 1.0, "away already")))
    book.add(run_of(2, fault("kill", 3.0), wrong="a | b"))
    assert book.kinds()["kill"] == {"count": 2, "seconds": 5.0, "skipped": 1}
    assert "| `kill` | 2 | 5 | 1 |" in book.table()
    assert "2 seeds, 1 of them without a finding." in book.table()
    assert "| 2 | ledgers_balance | ledgers_balance" not in book.table()
    assert "| 2 | ledgers_balance | a / b |" in book.table()


def test_the_book_is_taken_up_again(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    Book.opened(file, resume=False).add(run_of(5))
    assert Book.opened(file, resume=True).seeds == {5}
    assert Book.opened(file, resume=False).seeds == set()
    assert json.loads(file.read_text())["runs"][0]["passed"]
