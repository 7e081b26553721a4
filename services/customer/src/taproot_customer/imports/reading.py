"""Reads a delimited text file as a stream, row by row, and knows at each row where it could go on.

Memory stays flat: one line buffer and one row. Nothing raises on bad content; a row that cannot be read says why.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from taproot_customer.imports.encoding import Encoding
from taproot_customer.imports.repairing import MISPLACED, UNREADABLE, misplaced, repaired

MAX_CELL = 100_000
_SURROGATES = ("\ud800", "\udfff")


@dataclass(frozen=True)
class Dialect:
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    """Character before a quote inside a cell; empty: quotes are doubled."""
    preamble: int = 0
    """Lines above the header."""
    has_header: bool = True


@dataclass(frozen=True)
class Position:
    """Where the next row begins."""

    offset: int = 0
    line: int = 1
    """From 1."""


@dataclass(frozen=True)
class Row:
    line: int
    cells: tuple[str, ...]
    after: Position
    problem: str = ""


@dataclass
class _Lines:
    """Lines of the file with their ends, counting bytes, so that a position is exact in any encoding."""

    stream: BinaryIO
    encoding: str
    position: Position
    begin: Position = field(init=False)
    _text: io.TextIOWrapper = field(init=False)

    def __post_init__(self) -> None:
        self.restart(self.position)

    def restart(self, position: Position) -> None:
        if hasattr(self, "_text"):
            self._text.detach()
        self.stream.seek(position.offset)
        self.position = self.begin = position
        self._text = io.TextIOWrapper(
            _Undetached(self.stream), self.encoding, errors="surrogateescape", newline=""
        )

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline()
        if not line:
            raise StopIteration
        size = len(line.encode(self.encoding, "surrogateescape"))
        self.position = Position(self.position.offset + size, self.position.line + 1)
        # a lone CR ends a line for us but not for the csv module, which would glue the rows together
        return line[:-1] + "\n" if line.endswith("\r") else line


class _Undetached(io.BufferedReader):
    """A buffer over a stream that does not close it."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(_Raw(stream), 1 << 16)


class _Raw(io.RawIOBase):
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub asks for Buffer
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def read_rows(
    stream: BinaryIO, encoding: Encoding, dialect: Dialect, start: Position | None = None, width: int = 0
) -> Iterator[Row]:
    """Rows from `start`, or from the header on. Empty lines are passed over.

    `width`: cells of a row, where known; lines with a stray quote can then be mended.
    """
    csv.field_size_limit(MAX_CELL)
    lines = _Lines(stream, encoding.name, start or Position(encoding.skip))
    if start is None:
        for _ in range(dialect.preamble):
            next(lines, None)
    reader = _reader(lines, dialect)
    while True:
        begin = lines.position
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield _mended(lines, begin, encoding, dialect, width)
            reader = _reader(lines, dialect)
            continue
        if cells:
            yield Row(begin.line, tuple(cells), lines.position, _problem(cells, encoding, dialect.quote))


def _mended(lines: _Lines, begin: Position, encoding: Encoding, dialect: Dialect, width: int) -> Row:
    """An unclosed quote swallows what follows: take the first line as the row and go on behind it."""
    lines.restart(begin)
    line = next(lines, "")
    cells = repaired(line, width, dialect.delimiter, dialect.quote) if width else None
    if cells is None:
        raw = tuple(line.rstrip("\r\n").split(dialect.delimiter))
        return Row(begin.line, raw, lines.position, UNREADABLE)
    return Row(begin.line, tuple(cells), lines.position, _problem(cells, encoding))


def _reader(lines: _Lines, dialect: Dialect) -> Iterator[list[str]]:
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=dialect.escape or None,
        skipinitialspace=True,
        strict=True,
    )


def _problem(cells: list[str], encoding: Encoding, quote: str = "") -> str:
    for cell in cells:
        if not cell.isascii() and any(_SURROGATES[0] <= char <= _SURROGATES[1] for char in cell):
            return f"has bytes that are no {encoding.name} text"
        if "\0" in cell:
            return "has a zero character"
    if quote and any(quote in cell for cell in cells) and misplaced(cells, quote):
        return MISPLACED
    return ""
