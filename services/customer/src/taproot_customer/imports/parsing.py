"""What runs in the process pool: a file's head looked at, a chunk of rows parsed. Only plain values cross."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from taproot_customer.imports.cells import guarded
from taproot_customer.imports.dialect import SAMPLE_BYTES, SAMPLE_ROWS, column_count, sniff, sniff_dialect
from taproot_customer.imports.encoding import resolve_encoding
from taproot_customer.imports.mapping import NO_FIELDS, Column, over_all, suggest
from taproot_customer.imports.preparing import prepare
from taproot_customer.imports.reading import Dialect, Position, Row, read_rows
from taproot_customer.imports.rows import ParsedRow, RowOptions, parse_row


@dataclass(frozen=True)
class Preview:
    encoding: str
    dialect: Dialect
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Chunk:
    rows: tuple[ParsedRow, ...]
    after: Position
    finished: bool


class NoTable(ValueError):
    """The file holds no text table."""


def look_at(
    path: str, encoding: str = "", dialect: Dialect | None = None, own: Mapping[str, str] = NO_FIELDS
) -> Preview:
    """Detects what is not given. `own`: the enterprise's fields by what they are called. Raises NoTable."""
    with Path(path).open("rb") as file:
        sample = file.read(SAMPLE_BYTES + 1)
    complete = len(sample) <= SAMPLE_BYTES
    sample = sample[:SAMPLE_BYTES]
    if not sample.strip() or sample.startswith((b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")):
        raise NoTable("the file is empty or no text")
    if not encoding:
        encoding, found = sniff(sample, complete=complete)
    else:
        found = sniff_dialect(sample, encoding, complete=complete)
    dialect = dialect or found
    rows = _sample_rows(sample, encoding, dialect, 0)
    if not rows:
        raise NoTable("the file has no rows")
    mended = _sample_rows(sample, encoding, dialect, column_count(rows))
    columns = _columns(mended, dialect, own)
    whole = partial(_all_cells, path, encoding, dialect, len(columns))
    return Preview(encoding, dialect, tuple(over_all(columns, whole)))


def _all_cells(path: str, encoding: str, dialect: Dialect, width: int) -> Iterator[tuple[str, ...]]:
    """Of every row under the header."""
    with Path(path).open("rb") as file:
        rows = read_rows(file, resolve_encoding(encoding, file.read(4)), dialect, width=width)
        yield from (row.cells for row in islice(rows, int(dialect.has_header), None) if not row.problem)


def _sample_rows(sample: bytes, encoding: str, dialect: Dialect, width: int) -> list[Row]:
    resolved = resolve_encoding(encoding, sample[:4])
    return list(islice(read_rows(io.BytesIO(sample), resolved, dialect, width=width), SAMPLE_ROWS))


def _columns(rows: Sequence[Row], dialect: Dialect, own: Mapping[str, str]) -> list[Column]:
    """A header with more or fewer cells than the rows names nobody knows which column: nothing is suggested then.

    Empty cells at its end are no such difference: programs write a separator too many.
    """
    body = [row.cells for row in rows[dialect.has_header :]]
    width = column_count(rows)
    head = rows[0].cells if dialect.has_header else ()
    headers = [*head[:width], *("" for _ in range(width - len(head)))]
    columns = suggest(headers, body, own)
    if head and width not in (len(head), _filled(head)):
        return [replace(column, suggested="") for column in columns]
    return columns


def _filled(cells: Sequence[str]) -> int:
    """Cells up to the last that is not empty."""
    return next((len(cells) - i for i, cell in enumerate(reversed(cells)) if cell.strip()), 0)


def parse_chunk(
    path: str,
    encoding: str,
    dialect: Dialect,
    headers: Sequence[str],
    options: RowOptions,
    start: Position | None,
    size: int,
) -> Chunk:
    """At most `size` rows from `start` on; without it from the first row under the header."""
    with Path(path).open("rb") as file:
        resolved = resolve_encoding(encoding, file.read(4))
        reader = read_rows(file, resolved, dialect, start, len(headers))
        if start is None and dialect.has_header:
            next(reader, None)
        found = list(islice(reader, size))
        after = found[-1].after if found else (start or Position(resolved.skip))
        finished = len(found) < size
    rows = tuple(prepare(parse_row(row, headers, options), options.custom) for row in found)
    return Chunk(rows, after, finished)


def rejects_csv(
    headers: Sequence[str], rejected: Sequence[tuple[int, Sequence[str], Sequence[str]]]
) -> bytes:
    """The original columns, then line and reasons, as UTF-8 with mark so that spreadsheets read it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    width = max([len(headers), *(len(cells) for _, cells, _ in rejected)])
    writer.writerow([*headers, *[""] * (width - len(headers)), "taproot_line", "taproot_reasons"])
    for line, cells, reasons in rejected:
        writer.writerow([*map(guarded, cells), *[""] * (width - len(cells)), line, "; ".join(reasons)])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "replace")
