"""A file of any format imports of customers take, as rows with named cells."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from taproot_customer.imports.converting import as_table
from taproot_customer.imports.encoding import resolve_encoding
from taproot_customer.imports.parsing import NoTable, Preview, look_at
from taproot_customer.imports.reading import read_rows
from taproot_customer.imports.values import clean
from taproot_local.errors import LocalError
from taproot_local.imports.recipe import Step
from taproot_local.imports.rows import Files, Row

KEY = "taproot key"
"""A cell of our own: a digest of the row, where no column tells rows apart."""


@dataclass(frozen=True)
class Table:
    headers: tuple[str, ...]
    rows: list[Row]

    def values(self, header: str) -> list[str]:
        return [value for row in self.rows if not row.problem and (value := row.cells[header])]


class AnyFiles(Files):
    """Files of a directory, those of steps that say so in any format."""

    def of(self, step: Step) -> list[Row]:
        if step.any_format and step.file not in self._read:
            self._read[step.file] = read_table(self._path(step.file)).rows
        return super().of(step)


class OneTable(Files):
    """The files of a recipe that has one."""

    def __init__(self, name: str, rows: list[Row]) -> None:
        self._directory = Path()
        self._read = {name: rows}


def read_table(path: Path) -> Table:
    """Raises LocalError when the file holds no table."""
    if not path.is_file():
        raise LocalError(f"There is no file {path}.")
    with tempfile.TemporaryDirectory(prefix="taproot-") as folder:
        copy = Path(folder) / "file"
        shutil.copyfile(path, copy)
        try:
            table = as_table(str(copy))
            if table is not None:
                copy.write_bytes(table)
            return _table(copy, look_at(str(copy)), path.name)
        except NoTable as error:
            raise LocalError(f"{path} cannot be read: {error}.") from error


def _table(path: Path, preview: Preview, name: str) -> Table:
    headers = _unique([column.header for column in preview.columns])
    rows: list[Row] = []
    seen: Counter[str] = Counter()
    with path.open("rb") as file:
        encoding = resolve_encoding(preview.encoding, file.read(4))
        found = read_rows(file, encoding, preview.dialect, width=len(headers))
        for row in islice(found, int(preview.dialect.has_header), None):
            named = dict(zip(headers, map(_cell, [*row.cells, *[""] * len(headers)]), strict=False))
            why = row.problem or _width_problem(row.cells, len(headers))
            if why or any(named.values()):
                rows.append(Row(name, row.line, {**named, KEY: _digest(row.cells, seen)}, why))
    return Table(headers, rows)


def _cell(cell: str) -> str:
    """What says nothing is empty; texts keep their characters as they are."""
    return cell.strip() if clean(cell) else ""


def _width_problem(cells: Sequence[str], width: int) -> str:
    return "" if len(cells) == width else f"has {len(cells)} cells instead of {width}"


def _digest(cells: Sequence[str], seen: Counter[str]) -> str:
    """Equal rows are counted through, so that a second run finds each of them again."""
    text = hashlib.sha256("\x1f".join(cells).encode("utf-8", "replace")).hexdigest()[:24]
    seen[text] += 1
    return f"{text}-{seen[text]}"


def _unique(headers: Sequence[str]) -> tuple[str, ...]:
    """Columns without a name, and second ones of a name, are told apart by their number."""
    named: list[str] = []
    for number, header in enumerate(headers, 1):
        named.append(header if header and header not in named else f"{header or 'column'} {number}")
    return tuple(named)
