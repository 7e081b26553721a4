"""Reading the files: CSV, plain or gzip, UTF-8 with or without BOM; cells may hold line breaks."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from taproot_local.errors import LocalError
from taproot_local.imports.recipe import Join, Step

LONGEST_CELL = 10_000_000


@dataclass(frozen=True)
class Row:
    """`line`: the line of the file on which the row begins, from 1."""

    file: str
    line: int
    cells: Mapping[str, str]
    problem: str = ""
    """Why its cells cannot be told apart."""


class Files:
    """The files of one data directory, each read once."""

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise LocalError(f"There is no directory {directory}.")
        self._directory = directory
        self._read: dict[str, list[Row]] = {}

    def rows(self, name: str) -> list[Row]:
        if name not in self._read:
            self._read[name] = list(_read(self._path(name), name))
        return self._read[name]

    def of(self, step: Step) -> list[Row]:
        """The rows of a step with the columns of its joins, in the order it wants."""
        rows = self.rows(step.file)
        for join in step.joins:
            rows = self._joined(rows, join)
        if step.sort:
            rows = sorted(rows, key=lambda row: _natural(row.cells.get(step.sort, "")))
        return rows

    def _joined(self, rows: list[Row], join: Join) -> list[Row]:
        theirs = tuple(join.on.values())
        found = {tuple(row.cells[name] for name in theirs): row.cells for row in self.rows(join.file)}
        empty: dict[str, str] = {}

        def with_more(row: Row) -> Row:
            more = found.get(tuple(row.cells[name] for name in join.on), empty)
            return Row(
                row.file,
                row.line,
                {**row.cells, **{f"{join.name}.{name}": value for name, value in more.items()}},
            )

        return [with_more(row) for row in rows]

    def _path(self, name: str) -> Path:
        for path in (self._directory / name, self._directory / f"{name}.gz"):
            if path.is_file():
                return path
        raise LocalError(f"There is no {name} (or {name}.gz) in {self._directory}.")


def _read(path: Path, name: str) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    reader = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    header = next(reader, [])
    while True:
        line = reader.line_num + 1
        cells = next(reader, None)
        if cells is None:
            return
        if cells:
            yield Row(name, line, dict(zip(header, cells, strict=False)))


def _natural(text: str) -> tuple[int, float, str]:
    """Empty first, then numbers by value, then words."""
    try:
        return (0, float(text or "-inf"), "")
    except ValueError:
        return (1, 0.0, text)
