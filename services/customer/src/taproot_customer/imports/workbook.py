"""Spreadsheets and address cards as text tables, so that everything behind reads one kind of file."""

from __future__ import annotations

import csv
import datetime as dt
import io
import quopri
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taproot_customer.imports.encoding import detect_encoding, resolve_encoding
from taproot_customer.imports.parsing import NoTable

ZIP_MARK = b"PK\x03\x04"
MAX_UNPACKED = 256 * 1024 * 1024
_CARD = re.compile(rb"^\xef?\xbb?\xbf?\s*BEGIN:VCARD\s*$", re.IGNORECASE | re.MULTILINE)
_CARD_COLUMNS = (
    "name", "family name", "given name", "company name", "phone", "mobile", "fax", "email", "street", "city", "state",
    "postal code", "country", "birthday", "note",
)  # fmt: skip
_ADDRESS = ("street", "city", "state", "postal code", "country")


def as_table(path: str) -> bytes | None:
    """The file's first sheet, or its cards, as UTF-8 text; None for what is text already. Raises NoTable."""
    with Path(path).open("rb") as file:
        head = file.read(4096)
    if head.startswith(ZIP_MARK):
        return _written(_sheet_rows(path))
    if _CARD.search(head) or _CARD.search(head.replace(b"\0", b"")):
        return _written(_card_rows(Path(path).read_bytes()))
    return None


def _written(rows: Iterator[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode("utf-8", "replace")


def _sheet_rows(path: str) -> Iterator[list[str]]:
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


def _card_rows(content: bytes) -> Iterator[list[str]]:
    yield list(_CARD_COLUMNS)
    card: dict[str, str] | None = None
    for name, parameters, value in _card_lines(content):
        if name == "BEGIN":
            card = {}
        elif name == "END" and card is not None:
            yield [card.get(column, "") for column in _CARD_COLUMNS]
            card = None
        elif card is not None:
            _take_property(card, name, parameters, value)


def _card_lines(content: bytes) -> Iterator[tuple[str, str, str]]:
    """Name, parameters in capitals and text of each property, unfolded (RFC 6350 section 3.2) and decoded."""
    encoding = resolve_encoding(detect_encoding(content), content[:4])
    text = content[encoding.skip :].decode(encoding.name, "replace")
    text = re.sub(r"=\r?\n(?=[^:;\r\n]*(?:\r?\n|$))", "", text)  # soft line breaks of quoted-printable
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        head, colon, value = line.partition(":")
        name, _, parameters = head.partition(";")
        if colon:
            yield (
                name.rpartition(".")[2].strip().upper(),
                parameters.upper(),
                _decoded(parameters.upper(), value),
            )


def _decoded(parameters: str, value: str) -> str:
    if "QUOTED-PRINTABLE" in parameters:
        raw = quopri.decodestring(value.encode("latin-1", "replace"))
        charset = re.search(r"CHARSET=([\w-]+)", parameters)
        try:
            return raw.decode(charset.group(1) if charset else detect_encoding(raw), "replace")
        except LookupError:
            return raw.decode("utf-8", "replace")
    return value


def _take_property(card: dict[str, str], name: str, parameters: str, value: str) -> None:
    parts = [
        part.replace("\\,", ",").replace("\\n", "\n").replace("\\;", ";").strip() for part in _split(value)
    ]
    if name == "N":
        card["family name"], card["given name"] = (*parts, "", "")[:2]
    elif name == "ADR" and "street" not in card:
        card.update(zip(_ADDRESS, (*parts[2:], "", "", "", "", ""), strict=False))
    elif name == "TEL":
        kind = "mobile" if "CELL" in parameters else "fax" if "FAX" in parameters else "phone"
        card.setdefault(kind, parts[0])
    else:
        column = {
            "FN": "name",
            "ORG": "company name",
            "EMAIL": "email",
            "BDAY": "birthday",
            "NOTE": "note",
        }.get(name)
        if column:
            card.setdefault(column, parts[0])


def _split(value: str) -> list[str]:
    return re.split(r"(?<!\\);", value)
