"""The table of results, as Markdown."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import cpu
import list_rows
import overload_rows
import psutil
import soak_rows

FELL = 2 / 3
"""Machines, and hours, differ by a third in single rows."""
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


def compare(now: dict[str, float], last: Path) -> list[str]:
    """Say which ratios fell by more than a third since the last committed run; returns their names."""
    before: dict[str, float] = json.loads(last.read_text())["ratios"] if last.exists() else {}
    lost = [name for name, ratio in now.items() if ratio < before.get(name, 0.0) * FELL]
    for name in lost:
        print(f"SLOWER: {name}: {now[name]:.2f}, last committed {before[name]:.2f}")
    return lost


def committed(result: dict[str, Any]) -> str:
    kept = {name: result[name] for name in ("machine", "command", "customers", "ratios")}
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def table(result: dict[str, Any]) -> str:
    found = result["rows"]
    lines = _head(result)
    lines += [_line(found[row], *rest) for row, *rest in RATIOS if row in found]
    lines += _limits(found)
    lines += cpu.table(found, {row: text for row, text, *_ in RATIOS})
    if "overload" in found:
        lines += overload_rows.chart(found["overload"][0])
    if "soak" in found:
        lines += soak_rows.lines(found["soak"][0])
    return "\n".join(lines)


def soak(result: dict[str, Any]) -> list[str]:
    """The part of the page that only a run of the row soak changes."""
    one = result["rows"]["soak"][0]
    return [*_head(result), *soak_rows.lines(one), *soak_rows.chart(one)]


def _head(result: dict[str, Any]) -> list[str]:
    machine = "; ".join(f"{key}: {value}" for key, value in result["machine"].items())
    of = f"{result['customers']:,} customers, {_rounds(result['rows'])} rounds, {result['seconds']} s"
    return [
        f"`{result['command']}`: {of}.",
        f"Machine: {machine}.",
        "",
        "| work | here | floor | ratio | goal | |",
        "|---|---|---|---|---|---|",
    ]


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
    if "overload" in found:
        lines += overload_rows.lines(found["overload"][0])
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


def write(path: Path, section: str, made: str) -> None:
    """Put it between the section's marks; the rest of the page is written by hand."""
    begin, ends = f"<!-- {section} -->", f"<!-- end of {section} -->"
    text = path.read_text(encoding="utf-8")
    head, mark, rest = text.partition(begin)
    _, end, tail = rest.partition(ends)
    if not (mark and end):
        raise RuntimeError(f"{path} has no place for {section}")
    path.write_text(f"{head}{begin}\n{made}\n{ends}{tail}", encoding="utf-8")
