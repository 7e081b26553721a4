"""Mixed load for a long time on a whole `make up`: what grows that should not."""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import charts
import psutil
from http_rows import send

from taproot_local.suite import SERVICES, Suite, running_suite

# A quarter to a half of what two cores can do: it must be able to go on for ever.
RATES = {"create": 15.0, "get": 150.0, "profile": 60.0}
STEP_SECONDS = 30.0
UNLIMITED = {f"TAPROOT_REQUESTS_PER_{who}": "1000000000" for who in ("USER", "KEY", "BRANCH", "ADDRESS")}
BACKLOGS = ("taproot_outbox_backlog", "taproot_consumer_lag", "taproot_dead_letters")
WARM = 0.2
"""Share of the run in which pools fill, caches warm and statements are prepared."""
GROWTH = {"memory_mb": 1.10, "handles": 1.10, "connections": 1.10}
READ_KEYS = 500


def measure(minutes: float) -> dict[str, Any]:
    with running_suite(**UNLIMITED) as suite:
        token = _call(suite, "/v1/sessions", {"user_name": "admin", "password": suite.admin_password})[
            "token"
        ]
        keys = [_create(suite, token, number) for number in range(READ_KEYS)]
        port = int(suite.url.rpartition(":")[2])
        samples, latencies, lives, requests = [_sample(suite, 0.0)], [], 0, 0
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < minutes * 60:
            done = _together(
                {kind: lambda kind=kind, rate=rate: _load(port, kind, rate, token, keys)
                 for kind, rate in RATES.items()}
                | {"life": lambda: _life(suite)}
            )  # fmt: skip
            lives += done.pop("life")
            requests += sum(one["done"] for one in done.values())
            latencies.append({kind: one["p99_ms"] for kind, one in done.items()})
            samples.append(_sample(suite, (passed + STEP_SECONDS) / 60))
    return {"ours": {"samples": samples, "p99_ms": latencies, "lives": lives, "requests": requests}}


def _load(port: int, kind: str, rate: float, token: str, keys: list[str]) -> dict[str, Any]:
    return send(port, kind, STEP_SECONDS, token=token, keys=keys, rate=rate, connections=8, warm=0.0)


def _life(suite: Suite) -> int:
    """A customer's whole life: campaign, lead, order, invoice, ticket, survey, three mails."""
    done = suite.run("demo")
    if done.returncode:
        raise RuntimeError(done.stdout[-1000:] + done.stderr[-1000:])
    return 1


def _together(work: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    with ThreadPoolExecutor(len(work)) as pool:
        running = {name: pool.submit(task) for name, task in work.items()}
    return {name: one.result() for name, one in running.items()}


def _call(suite: Suite, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    headers = {"content-type": "application/json", "x-taproot-request": "1"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(suite.url + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def _create(suite: Suite, token: str, number: int) -> str:
    customer = {"kind": "CUSTOMER_KIND_ORGANIZATION", "display_name": f"长河第{number}贸易有限公司"}
    return str(_call(suite, "/v1/customers", customer, token)["id"])


def _sample(suite: Suite, minute: float) -> dict[str, Any]:
    """Memory and handles of each service; connections to PostgreSQL; what waits."""
    state = suite.state
    processes = {name: psutil.Process(int(state["processes"][name]["pid"])) for name in SERVICES}
    postgres = psutil.Process(int(state["processes"]["postgres"]["pid"]))
    return {
        "minute": round(minute, 2),
        "memory_mb": {name: one.memory_full_info().uss >> 20 for name, one in processes.items()},
        "handles": {name: one.num_fds() for name, one in processes.items()},
        "connections": {"postgres": len(postgres.children())},
        "waiting": sum(_waiting(state["services"][name]["metrics"]) for name in SERVICES),
    }


def _waiting(address: str) -> int:
    """Events not yet published, not yet taken, or set aside."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    lines = (line for line in text.splitlines() if line.startswith(BACKLOGS))
    return round(sum(float(line.rpartition(" ")[2]) for line in lines))


def growth(samples: list[dict[str, Any]], what: str) -> float:
    """The last quarter's largest over that of the first quarter after the warm-up, the worst of all parts."""
    warm = samples[int(len(samples) * WARM) :]
    quarter = max(1, len(warm) // 4)
    first, last = warm[:quarter], warm[-quarter:]
    return max(
        max(one[what][part] for one in last) / max(one[what][part] for one in first)
        for part in samples[0][what]
    )


def lines(one: dict[str, Any]) -> list[str]:
    """Rows of the table of results."""
    ours = one["ours"]
    samples, minutes = ours["samples"], ours["samples"][-1]["minute"]
    rows = []
    for what, most in GROWTH.items():
        grown = growth(samples, what)
        met = "met" if grown <= most else "**missed**"
        rows.append(
            f"| {minutes:.0f} minutes of mixed load: {what.replace('_mb', '')}, end over beginning | {grown:.2f} x | | | <= {most:.2f} x | {met} |"
        )
    waits = samples[-1]["waiting"]
    rows.append(
        f"| {ours['requests']:,} requests, {ours['lives']} whole lives: events that wait in the end | {waits} | | | | |"
    )
    for kind, rate in RATES.items():
        each = [step[kind] for step in ours["p99_ms"]]
        rows.append(
            f"| p99 of `{kind}` at {rate:.0f}/s, median and worst half minute | {statistics.median(each):.0f} ms, {max(each):.0f} ms | | | | |"
        )
    return rows


def chart(one: dict[str, Any]) -> list[str]:
    """Every half minute."""
    samples = one["ours"]["samples"]
    found = []
    for what, unit in (("memory_mb", "MB"), ("handles", "open"), ("connections", "open")):
        series = {part: [each[what][part] for each in samples] for part in samples[0][what]}
        found += charts.lines(f"Mixed load: {what.replace('_mb', '')}", "half minutes", unit, series)
    waiting = {"events": [each["waiting"] for each in samples]}
    return found + charts.lines("Mixed load: events under way", "half minutes", "events", waiting)
