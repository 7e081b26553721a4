"""The results of many seeds: kept in one file after each, and summed up in a table."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaoskit.drill import Result
from chaoskit.schedule import KINDS

Run = dict[str, Any]


@dataclass
class Book:
    file: Path | None = None
    runs: list[Run] = field(default_factory=list)

    @classmethod
    def opened(cls, file: Path | None, *, resume: bool) -> Book:
        known = resume and file is not None and file.exists()
        return cls(file, json.loads(file.read_text())["runs"] if known and file else [])

    @property
    def seeds(self) -> set[int]:
        return {one["seed"] for one in self.runs}

    @property
    def failed(self) -> list[Run]:
        return [one for one in self.runs if not one["passed"]]

    def add(self, result: Result) -> None:
        self.runs.append(result.record())
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(
                json.dumps({"kinds": self.kinds(), "runs": self.runs}, indent=1, ensure_ascii=False)
            )

    def kinds(self) -> dict[str, dict[str, float]]:
        """How often each kind was injected, for how long in sum, and how often its victim was away already."""
        times: dict[str, list[float]] = defaultdict(list)
        skipped: Counter[str] = Counter()
        for fault in (fault for run in self.runs for fault in run["faults"]):
            if fault["skipped"]:
                skipped[fault["kind"]] += 1
            else:
                times[fault["kind"]].append(fault["until"] - fault["time"])
        return {
            kind: {"count": len(times[kind]), "seconds": round(sum(times[kind]), 1), "skipped": skipped[kind]}
            for kind in KINDS
        }

    def table(self) -> str:
        """In Markdown."""
        sums: Counter[str] = Counter()
        for run in self.runs:
            sums.update({k: v for k, v in run["facts"].items() if isinstance(v, int)})
        lines = [
            f"{len(self.runs)} seeds, {len(self.runs) - len(self.failed)} of them without a finding.",
            "",
            "| fault | times | seconds in sum | skipped |",
            "|---|---:|---:|---:|",
            *(
                f"| `{k}` | {v['count']} | {v['seconds']:.0f} | {v['skipped']} |"
                for k, v in self.kinds().items()
            ),
            "",
            (
                f"Meanwhile: {sums['requests']:,} requests, {sums['events']:,} events with {sums['effects']:,} effects, "
                f"{sums['payments']:,} payments, {sums['rows_imported']:,} imported rows, "
                f"{sums['mails_uncertain']} uncertain mails."
            ),
        ]
        return "\n".join([*lines, *self._failures()])

    def _failures(self) -> list[str]:
        if not self.failed:
            return []
        found = [
            f"| {run['seed']} | {name} | {' '.join(one.split())[:200].replace('|', '/')} |"
            for run in self.failed
            for name, wrong in run["findings"].items()
            for one in wrong
        ]
        return ["", "| seed | invariant | finding |", "|---|---|---|", *found]
