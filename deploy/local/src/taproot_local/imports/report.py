"""What became of the rows: counts that add up, a file of rejected rows, a file of warnings."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from taproot_local.imports.rows import Row

EXAMPLES = 5
SHOWN = 40


@dataclass
class StepReport:
    """read = created + updated + skipped + rejected, always."""

    name: str
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """Reason -> rows; beside them, rows that are stored already as they are count as skipped."""
    rejected: list[tuple[Row, list[str]]] = field(default_factory=list)
    warnings: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)
    """(column, what) -> (line, value)"""

    def warn(self, row: Row, column: str, what: str, value: str = "") -> None:
        self.warnings.setdefault((column, what), []).append((row.line, value))

    @property
    def skipped_count(self) -> int:
        return self.unchanged + sum(self.skipped.values())

    @property
    def adds_up(self) -> bool:
        return self.read == self.created + self.updated + self.skipped_count + len(self.rejected)

    def line(self) -> str:
        return (
            f"{self.name:<16} read {self.read:>6} = created {self.created:>6} + updated {self.updated:>6} "
            f"+ skipped {self.skipped_count:>6} + rejected {len(self.rejected):>6}"
        )

    def details(self) -> list[str]:
        lines = [f"  skipped {count}: {reason}" for reason, count in self.skipped.items()]
        if self.unchanged:
            lines.append(f"  skipped {self.unchanged}: stored already as they are")
        for (column, what), found in self.warnings.items():
            values = Counter(value[:SHOWN] for _, value in found if value)
            some = ", ".join(f"{value!r} {count}" for value, count in values.most_common(EXAMPLES))
            lines.append(f"  warning {column}, {len(found)} rows: {what}{f' ({some})' if some else ''}")
        for row, reasons in self.rejected[:EXAMPLES]:
            lines.append(f"  rejected line {row.line}: {'; '.join(reasons)}")
        return lines


def write_rejects(path: Path, steps: list[StepReport]) -> int:
    """The rows as they were, with line and reasons: mend them and import the file again. Returns how many."""
    rejected = [(step.name, row, reasons) for step in steps for row, reasons in step.rejected]
    columns: dict[str, None] = {}
    for _, row, _ in rejected:
        columns.update(dict.fromkeys(row.cells))
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["step", "file", "line", "reasons", *columns])
        for step, row, reasons in rejected:
            writer.writerow(
                [step, row.file, row.line, "; ".join(reasons), *(row.cells.get(name, "") for name in columns)]
            )
    return len(rejected)


def write_warnings(path: Path, steps: list[StepReport]) -> int:
    """One line for each row that looked wrong. Returns how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["step", "line", "column", "warning", "value"])
        for step in steps:
            for (column, what), found in step.warnings.items():
                writer.writerows([step.name, line, column, what, value] for line, value in found)
                count += len(found)
    return count
