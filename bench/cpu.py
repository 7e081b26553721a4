"""CPU time per request, by component: what a rate on a busy machine cannot tell."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import psutil
from stack import Stack

Cost = dict[str, float]


def cost_of(stack: Stack, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `send` found, with `cpu`: microseconds per request, of everything that had to do with it."""
    before = _seconds(stack)
    found = send()
    after = _seconds(stack)
    used = {"load": found["cpu_seconds"]} | {name: after[name] - before.get(name, 0.0) for name in after}
    return found | {"cpu": {name: round(1e6 * spent / found["answered"]) for name, spent in used.items()}}


def _seconds(stack: Stack) -> Cost:
    """CPU seconds so far. The backends of PostgreSQL are kept by the services' pools, so none is lost."""
    postgres, nats = stack.infrastructure.postgres, stack.infrastructure.nats
    assert postgres is not None
    assert postgres.pid is not None
    assert nats is not None
    assert nats.pid is not None
    spent = {name: _of(psutil.Process(process.pid)) for name, process in stack.processes.items()}
    backends = psutil.Process(postgres.pid).children()
    return spent | {"postgres": sum(map(_of, backends)), "nats": _of(psutil.Process(nats.pid))}


def _of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def table(found: dict[str, list[dict[str, Any]]], names: dict[str, str]) -> list[str]:
    """Medians over the rounds, a line per kind of request."""
    rows = {name: [one["ours"]["cpu"] for one in found[name]] for name in names if name in found}
    if not rows:
        return []
    parts = list(next(iter(rows.values()))[0])
    lines = [
        "",
        "CPU time per request in microseconds, what follows in the background included:",
        "",
        f"| work | {' | '.join(parts)} | sum |",
        f"|---|{'---|' * (len(parts) + 1)}",
    ]
    for name, costs in rows.items():
        each = [statistics.median(cost[part] for cost in costs) for part in parts]
        lines.append(f"| {names[name]} | {' | '.join(f'{one:,.0f}' for one in each)} | {sum(each):,.0f} |")
    return lines
