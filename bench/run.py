"""`make bench`: Taproot against the floors of this machine. Ratios count, not rates; see docs/benchmarks.md.

Floors and rows alternate within each round; the table shows medians over the rounds. Everything runs on the loopback
interface in a temporary directory, bounded in time and count, with fsync and synchronous_commit on.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import capture
import event_rows
import http_rows
import import_rows
import list_rows
import local_rows
import overload_rows
import report
import seed
import soak_rows
from stack import SAMPLING, Stack, running_stack

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
LAST = HERE / "last.json"
WORTH_SHOWING = 30
"""Minutes of the row soak."""
SHARED = ("create", "get", "profile", "events", "timeline", "overload")
"""Rows measured on one running stack."""
ROWS = (*SHARED, "import", "lists", "local")
LONG = ("soak",)
"""Only when asked for."""
LISTED = 100_000
"""Lists among fewer records would show little."""
Measured = dict[str, list[dict[str, Any]]]


def main() -> int:
    options = _options()
    if options.profile:
        _sample_services()
    begun = time.perf_counter()
    machine = report.machine(Path(tempfile.gettempdir()))
    found = _measured(options)
    result = {
        "machine": machine,
        "command": " ".join(["make bench", *([f'ARGS="{" ".join(sys.argv[1:])}"'] if sys.argv[1:] else [])]),
        "customers": options.customers,
        "seconds": round(time.perf_counter() - begun),
        "rows": found,
        "ratios": report.ratios(found),
    }
    print(report.table(result))
    lost = report.compare(result["ratios"], LAST)
    _keep(result, options)
    return 1 if lost and options.check else 0


def _measured(options: argparse.Namespace) -> Measured:
    found: Measured = {}
    if {*options.only} & {*SHARED}:
        with running_stack() as stack:
            print(
                f"{options.customers} customers, {options.rounds} rounds of {options.seconds} s per side",
                flush=True,
            )
            _start(stack, options)
            with http_rows.http_floor() as floor:
                _rounds(stack, floor, options, found)
            if "overload" in options.only:
                found["overload"] = [overload_rows.measure(stack, options.seconds)]
    if "import" in options.only:
        found["import"] = import_rows.measure(options.import_rows, options.rounds)
    if "lists" in options.only:
        found["lists"] = [list_rows.measure(max(options.customers, LISTED))]
    if "local" in options.only:
        found["local"] = [local_rows.measure()]
    if "soak" in options.only:
        found["soak"] = [soak_rows.measure(options.minutes)]
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py", description="Measure Taproot against this machine's floors."
    )
    parser.add_argument("--customers", type=int, default=20_000, help="records to read among (default 20000)")
    parser.add_argument("--full", action="store_true", help="1,000,000 customers, 10,000,000 timeline rows")
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds (default 3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each side of a row (default 3)")
    parser.add_argument("--events", type=int, default=5000, help="events per round of relay and consumers")
    parser.add_argument("--import-rows", type=int, default=20_000, help="rows of an imported file")
    parser.add_argument("--only", default=",".join(ROWS), help=f"some of {','.join(ROWS + LONG)}")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the row soak (default 60)")
    parser.add_argument(
        "--check", action="store_true", help="fail when a ratio is a third below the last committed one"
    )
    parser.add_argument(
        "--profile", action="store_true", help="sample stacks of the services into bench/results"
    )
    parser.add_argument("--no-docs", action="store_true", help="leave docs/benchmarks.md as it is")
    options = parser.parse_args()
    options.only = [name for name in options.only.split(",") if name in ROWS + LONG]
    if options.full:
        options.customers = 1_000_000
    return options


def _sample_services() -> None:
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    SAMPLING.update({"PYTHONPATH": str(HERE / "sampling"), "BENCH_SAMPLE": str(results / "stacks")})


def _start(stack: Stack, options: argparse.Namespace) -> None:
    stack.start_services()
    stack.sign_in()
    waiting = "SELECT count(*) FROM identity_users WHERE active"
    stack.until(lambda: asyncio.run(seed.value(stack.customer.app_url, waiting)) > 0)
    asyncio.run(seed.fill(stack.customer.owner_url, options.customers))


def _rounds(stack: Stack, floor: int, options: argparse.Namespace, found: Measured) -> None:
    http = http_rows.HttpRows(stack, stack.clone_customers(), floor, options.customers, options.seconds)
    events = None
    for number in range(1, options.rounds + 1):
        for row in ("create", "get", "profile"):
            if row in options.only:
                found.setdefault(row, []).append(http.measure(row))
                _say(number, row, found[row][-1])
        stack.settle()
        if "events" in options.only:
            events = events or event_rows.EventRows(
                stack, http.event_payload, options.events, options.seconds
            )
            found.setdefault("events", []).append(events.measure())
            _say(number, "events", found["events"][-1])
        if "timeline" in options.only:
            delay = asyncio.run(
                event_rows.timeline_delay(stack, http.event_payload, http.keys, options.seconds + 2)
            )
            found.setdefault("timeline", []).append({"ours": delay})
            _say(number, "timeline", found["timeline"][-1])


def _say(number: int, row: str, sides: dict[str, Any]) -> None:
    told = ", ".join(f"{side} {one.get('rate', one.get('p99_ms'))}" for side, one in sides.items())
    print(f"  round {number}  {row:<9} {told}", flush=True)


def _keep(result: dict[str, Any], options: argparse.Namespace) -> None:
    """A complete run is what the page shows, and what later ones are compared with."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    path = results / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.json"
    path.write_text(capture.dumps(result))
    print(f"\nAll figures: {path}")
    if options.no_docs:
        return
    if {*ROWS} <= {*options.only} and options.rounds >= 3:
        report.write(PAGE, "results", report.table(result))
        LAST.write_text(report.committed(result))
    if "soak" in options.only and options.minutes >= WORTH_SHOWING:
        report.write(PAGE, "soak", "\n".join(report.soak(result)))


if __name__ == "__main__":
    sys.exit(main())
