"""The table of results, as Markdown."""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import cpu
import list_rows
import psutil

BEGIN, END = "<!-- results -->", "<!-- end of results -->"
# row, what it is, side, floor, goal
RATIOS = (
    ("create", "`POST /v1/customers`, duplicate check included", "ours", "F-http", 0.35),
    ("create", "`POST /v1/customers`, duplicate check included", "ours", "F-sql", 0.12),
    ("get", "`GET /v1/customers/{id}`", "ours", "F-http", 0.55),
    ("profile", "`GET /v1/customers/{id}:profile`", "ours", "F-http", 0.40),
    ("events", "outbox relay", "relay", "F-nats", 0.50),
    ("events", "consumers: inbox and effect", "consumers", "F-insert 16", 0.40),
    ("events", "consumers: inbox and effect", "consumers", "F-insert 1", None),
    ("import", "import: rows checked, written, told of", "ours", "F-import", 0.35),
)


def ratios(found: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    """Median over the rounds of the ratio within each round."""
    made = {}
    for row, _, side, floor, _goal in RATIOS:
        if row in found:
            each = [one[side]["rate"] / one[floor]["rate"] for one in found[row]]
            made[f"{row}: {side} / {floor}"] = round(statistics.median(each), 3)
    return made


def table(result: dict[str, Any]) -> str:
    found = result["rows"]
    machine = "; ".join(f"{key}: {value}" for key, value in result["machine"].items())
    lines = [
        f"`{result['command']}`: {result['customers']:,} customers, {_rounds(found)} rounds, {result['seconds']} s.",
        f"Machine: {machine}.",
        "",
        "| work | here | floor | ratio | goal | |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_line(found[row], *rest) for row, *rest in RATIOS if row in found]
    return "\n".join(lines + _limits(found) + cpu.table(found, {row: text for row, text, *_ in RATIOS}))


def _rounds(found: dict[str, list[Any]]) -> int:
    return max((len(rounds) for rounds in found.values()), default=0)


def _line(rounds: list[dict[str, Any]], text: str, side: str, floor: str, goal: float | None) -> str:
    here = statistics.median(one[side]["rate"] for one in rounds)
    below = statistics.median(one[floor]["rate"] for one in rounds)
    ratio = statistics.median(one[side]["rate"] / one[floor]["rate"] for one in rounds)
    aim = f">= {goal:.2f}" if goal else ""
    met = "" if goal is None else ("met" if ratio >= goal else "**missed**")
    return f"| {text} | {here:,.0f}/s | {floor} {below:,.0f}/s | {ratio:.2f} | {aim} | {met} |"


def _limits(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = []
    if "profile" in found:
        p99 = [
            (one["ours half load"]["p99_ms"], one["F-http half load"]["p99_ms"]) for one in found["profile"]
        ]
        ours, floor = (statistics.median(side) for side in zip(*p99, strict=True))
        times = statistics.median(a / b for a, b in p99)
        lines.append(
            f"| profile, p99 at half load | {ours:.1f} ms | F-http {floor:.1f} ms | {times:.1f} x | <= 4 x | {_met(times <= 4)} |"
        )
    if "events" in found:
        drained = all(one["relay while writing"]["drained"] for one in found["events"])
        seconds = [one["relay while writing"]["seconds"] for one in found["events"]]
        shown = f"{statistics.median(seconds):.1f} s"
        lines.append(
            f"| backlog of a half round at 300 writes/s | worked off in {shown} | | | drains | {_met(drained)} |"
        )
    if "timeline" in found:
        p99s = statistics.median(one["ours"]["p99_ms"] for one in found["timeline"])
        lines.append(
            f"| change committed -> timeline, p99 at 300/s | {p99s:.0f} ms | | | < 250 ms | {_met(p99s < 250)} |"
        )
    if "lists" in found:
        lines += list_rows.lines(found["lists"][0])
    if "local" in found:
        lines += _local(found["local"][0]["ours"])
    return lines


def _local(one: dict[str, Any]) -> list[str]:
    each, all_ = one["largest_service_mb"], one["all_mb"]
    return [
        f"| idle memory, largest service | {each:.0f} MB | | | < 130 MB | {_met(each < 130)} |",
        f"| idle memory, `make up` in all | {all_:.0f} MB | | | < 1,200 MB | {_met(all_ < 1200)} |",
        f"| warm start of `make up` | {one['warm_seconds']:.1f} s | | | <= 15 s | {_met(one['warm_seconds'] <= 15)} |",
    ]


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def machine(directory: Path) -> dict[str, str]:
    memory = psutil.virtual_memory().total / 2**30
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "fdatasync of 8 kB": f"{_syncs(directory):,.0f}/s",
        "load of others at start": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _syncs(directory: Path, seconds: float = 1.0) -> float:
    """What a commit costs at least, on this disk."""
    path = directory / f"taproot-bench-sync-{os.getpid()}"
    count, begun = 0, time.perf_counter()
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        while time.perf_counter() - begun < seconds:
            os.pwrite(handle, os.urandom(8192), 0)
            os.fdatasync(handle)
            count += 1
    finally:
        os.close(handle)
        path.unlink()
    return count / (time.perf_counter() - begun)


def write(path: Path, made: str) -> None:
    """Put the table between its marks; the rest of the page is written by hand."""
    text = path.read_text(encoding="utf-8")
    head, mark, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (mark and end):
        raise RuntimeError(f"{path} has no place for the results")
    path.write_text(f"{head}{BEGIN}\n{made}\n{END}{tail}", encoding="utf-8")
