"""`make up` as a whole: how long a warm start takes and what it weighs when nobody uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from taproot_local.home import Home
from taproot_local.processes import free_port

SETTLE_SECONDS = 8
SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")


def measure() -> dict[str, Any]:
    """All five services, the second start of an installation."""
    with tempfile.TemporaryDirectory(prefix="taproot-bench-") as name:
        Path(name).chmod(0o711)
        http = free_port()
        door = free_port(None, frozenset({http}))
        environment = os.environ | {
            "TAPROOT_HOME": name,
            "TAPROOT_PORT": str(http),
            "TAPROOT_GRPC_PORT": str(door),
            "TAPROOT_DEMO": "off",
        }
        try:
            first = _timed("up", "--detach", environment=environment)
            _timed("down", environment=environment)
            warm = _timed("up", "--detach", environment=environment)
            time.sleep(SETTLE_SECONDS)
            memory = _memory(Home(Path(name)).state())
        finally:
            subprocess.run([sys.executable, "-m", "taproot_local", "down"], env=environment, check=False)
            _forget_postgres(Path(name))
    return {"ours": {"first_seconds": first, "warm_seconds": warm, **memory}}


def _timed(*arguments: str, environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    command = [sys.executable, "-m", "taproot_local", *arguments]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
    return round(time.perf_counter() - begun, 1)


def _memory(state: dict[str, Any]) -> dict[str, Any]:
    """Megabytes each process holds for itself, with its share of what it has in common with others (PSS)."""
    families = {name: _family(int(one["pid"])) for name, one in state["processes"].items()}
    # A set: the supervisor is an ancestor of most.
    everybody = set(_family(int(state["pid"]))).union(*families.values())
    found = {name: _megabytes(family) for name, family in families.items()}
    return {
        "memory_mb": found,
        "largest_service_mb": max(found[name] for name in SERVICES),
        "all_mb": round(_megabytes(everybody)),
    }


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _megabytes(processes: Iterable[psutil.Process]) -> float:
    return round(sum(one.memory_full_info().pss for one in processes) / 1e6, 1)


def _forget_postgres(home: Path) -> None:
    """Run by root, the data lie outside the directory, behind a link."""
    link = home / "postgres"
    if link.is_symlink():
        subprocess.run(["rm", "-rf", str(link.resolve())], check=False)
