"""The first sheet of a spreadsheet as rows of text."""

from __future__ import annotations

import datetime as dt
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taproot_customer.imports.parsing import NoTable

ZIP_MARK = b"PK\x03\x04"
MAX_UNPACKED = 256 * 1024 * 1024


def sheet_rows(path: str) -> Iterator[list[str]]:
    """Streamed, never the whole sheet in memory. Raises NoTable."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_UNPACKED:
                raise NoTable("the workbook is too large when unpacked")
        with warnings.catch_warnings(), Path(path).open("rb") as file:
            warnings.simplefilter("ignore")  # exporters leave out styles; the cells are there
            sheet = load_workbook(file, read_only=True, data_only=True).worksheets[0]
            sheet.reset_dimensions()  # what exporters state is often wrong
            width = 0
            for row in sheet.iter_rows(values_only=True):
                width = max(width, len(row))
                yield [*map(_cell, row), *[""] * (width - len(row))]  # empty cells at the end are left out
    except (zipfile.BadZipFile, KeyError, IndexError, ValueError, OSError) as error:
        raise NoTable("the file is no workbook that can be read") from error


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
