"""Workbooks, address cards, JSON and packed files as text tables, so that everything behind reads one kind of file."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from taproot_customer.imports.cards import card_rows, holds_cards
from taproot_customer.imports.jsonlines import holds_objects, object_rows
from taproot_customer.imports.parsing import NoTable
from taproot_customer.imports.workbook import MAX_UNPACKED, ZIP_MARK, sheet_rows

_PACKED = b"\x1f\x8b"
_HEAD = 4096


def as_table(path: str) -> bytes | None:
    """The content as UTF-8 text table; None for what is one already. Raises NoTable."""
    with Path(path).open("rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(_PACKED):
        return _converted(path, head)
    Path(path).write_bytes(_unpacked(path))
    with Path(path).open("rb") as file:
        head = file.read(_HEAD)
    found = _converted(path, head)
    return Path(path).read_bytes() if found is None else found


def _converted(path: str, head: bytes) -> bytes | None:
    if head.startswith(ZIP_MARK):
        return _written(sheet_rows(path))
    if holds_cards(head):
        return _written(card_rows(Path(path).read_bytes()))
    if holds_objects(head):
        return _written(object_rows(Path(path).read_bytes()))
    return None


def _unpacked(path: str) -> bytes:
    try:
        with gzip.open(path) as file:
            content = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise NoTable("the packed file is damaged") from error
    if len(content) > MAX_UNPACKED:
        raise NoTable("the file is too large when unpacked")
    return content


def _written(rows: Iterator[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode("utf-8", "replace")
