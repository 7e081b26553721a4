"""CPU time per request, by component: what a rate on a busy machine cannot tell."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import psutil
from stack import Stack


def cost_of(stack: Stack, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` found, with `cpu`: microseconds per thing done, of all that had to do with it.

    It says how many were `done`, and the `load_seconds` of who asked for them.
    """
    before = _seconds(stack)
    found = work()
    after = _seconds(stack)
    used = {"load": found["load_seconds"]} | {name: after[name] - before.get(name, 0.0) for name in after}
    return found | {"cpu": {name: round(1e6 * spent / found["done"]) for name, spent in used.items()}}


def _seconds(stack: Stack) -> dict[str, float]:
    """CPU seconds so far. The backends of PostgreSQL are kept by the services' pools, so none is lost."""
    postgres, nats = stack.infrastructure.postgres, stack.infrastructure.nats
    assert postgres is not None
    assert postgres.pid is not None
    assert nats is not None
    assert nats.pid is not None
    spent = {name: _of(process.pid) for name, process in sorted(stack.processes.items(), reverse=True)}
    return spent | {"postgres": _of(postgres.pid), "nats": _of(nats.pid)}


def _of(pid: int) -> float:
    """With the processes it has started, those that ended included."""
    process = psutil.Process(pid)
    own = process.cpu_times()
    ended = own.children_user + own.children_system
    return float(own.user + own.system + ended) + sum(map(_alone, process.children(recursive=True)))


def _alone(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def table(found: dict[str, list[dict[str, Any]]], names: dict[str, str]) -> list[str]:
    """Medians over the rounds, a line per kind of request."""
    rows = {
        name: [one["ours"]["cpu"] for one in rounds]
        for name, rounds in found.items()
        if name in names and all("cpu" in one.get("ours", ()) for one in rounds)
    }
    if not rows:
        return []
    parts = list(next(iter(rows.values()))[0])
    lines = [
        "",
        "CPU time in microseconds for each, with what follows in the background:",
        "",
        f"| work | {' | '.join(parts)} | sum |",
        f"|---|{'---|' * (len(parts) + 1)}",
    ]
    for name, costs in rows.items():
        each = [statistics.median(cost[part] for cost in costs) for part in parts]
        lines.append(f"| {names[name]} | {' | '.join(f'{one:,.0f}' for one in each)} | {sum(each):,.0f} |")
    return lines
