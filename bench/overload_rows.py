"""Three times what can be done is asked for: what is refused, how long the rest takes, and how soon it is over."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import charts
import seed
from http_rows import send
from stack import Stack

TIMES = 3
CONNECTIONS = 800
"""More than may be under way, or the load generator would wait in the place of the suite."""
REFUSED = (429, 503)
COUNT = "SELECT count(*) FROM customers"
WELL = 2.0
"""Times the usual p99 at which it counts as over."""
MOST_SECONDS = 60


def measure(stack: Stack, seconds: float) -> dict[str, Any]:
    """Creates at half of capacity, at three times of it, and at half again until they are as quick as before."""
    token = stack.sign_in()
    port, length = stack.http_port, max(seconds * 3, 10.0)
    capacity = send(port, "create", seconds, token=token)["rate"]
    half = {"token": token, "rate": capacity / 2, "connections": 64}
    stack.settle()
    before = send(port, "create", seconds, **half)
    kept = _count(stack)
    storm = send(
        port, "create", length, REFUSED, token=token, rate=TIMES * capacity, connections=CONNECTIONS, warm=0.0
    )
    recovered = _until_well(port, half, before["p99_ms"])
    stack.settle()
    kept = _count(stack) - kept
    if kept < sum(second["good"] for second in storm["by_second"]):
        raise RuntimeError(f"more was acknowledged than is there: {kept}, {storm['statuses']}")
    return {
        "capacity": capacity,
        "before": before,
        "ours": storm,
        "recovered_seconds": recovered,
        "kept": kept,
    }


def _until_well(port: int, half: dict[str, Any], usual_ms: float) -> float:
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < MOST_SECONDS:
        now = send(port, "create", 1.0, REFUSED, warm=0.0, **half)
        if set(now["statuses"]) <= {"200"} and now["p99_ms"] <= WELL * usual_ms:
            return round(passed, 1)
    raise RuntimeError(
        f"not as before {MOST_SECONDS} s after the load: {now['statuses']}, {now['p99_ms']} ms"
    )


def _count(stack: Stack) -> int:
    return int(asyncio.run(seed.value(stack.customer.owner_url, COUNT)))


def lines(one: dict[str, Any]) -> list[str]:
    """Rows of the table of results."""
    storm = one["ours"]
    asked, good = TIMES * one["capacity"], storm["rate"]
    refused = sum(count for status, count in storm["statuses"].items() if status in map(str, REFUSED))
    p99 = max(second["p99_ms"] for second in storm["by_second"])
    return [
        f"| {TIMES} x capacity ({asked:,.0f} creates/s asked for): done | {good:,.0f}/s | capacity {one['capacity']:,.0f}/s | {good / one['capacity']:.2f} | | |",
        f"| refused at once, all with `Retry-After` | {refused:,} | | | all | {'met' if storm['says_when'] >= refused > 0 else '**missed**'} |",
        f"| p99 of what was accepted, worst second | {p99:,.0f} ms | at half load {one['before']['p99_ms']:,.0f} ms | | bounded | |",
        f"| as quick as before, after | {one['recovered_seconds']:.1f} s | | | seconds | |",
    ]


def chart(one: dict[str, Any]) -> list[str]:
    """Second by second."""
    seconds = one["ours"]["by_second"]
    rates = {"done": [each["good"] for each in seconds], "refused": [each["refused"] for each in seconds]}
    late = {"p99 of what was done": [each["p99_ms"] for each in seconds]}
    title = f"{TIMES} x capacity"
    return [
        *charts.lines(f"{title}: requests", "second", "per second", rates),
        *charts.lines(f"{title}: latency", "second", "ms", late),
    ]
