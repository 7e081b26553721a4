"""Rows written as a file, one after the other, so that memory stays flat whatever their number."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from taproot_customer.imports.cells import guarded

Row = Mapping[str, str]
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MOST_IN_A_CELL = 32_767
_CARD_KINDS = {"person": "individual", "organization": "org"}
_CARD_TYPES = {"mobile": "cell", "home": "home", "work": "work", "fax": "fax", "other": "x-other"}


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="", errors="replace") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([guarded(row.get(column, "")) for column in columns])


def write_json(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="\n", errors="replace") as file:
        for row in rows:
            kept = {column: row[column] for column in columns if column in row}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")


def write_workbook(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Cells are text whatever they look like: no formula, no lost leading zero."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("customers")
    sheet.append(list(columns))
    for row in rows:
        cells = []
        for column in columns:
            text = _CONTROL.sub("", row.get(column, ""))[:_MOST_IN_A_CELL]
            cell = WriteOnlyCell(sheet, value=text or None)
            if text:
                cell.data_type = "s"  # openpyxl takes what begins with = for a formula
            cells.append(cell)
        sheet.append(cells)
    book.save(path)


def write_cards(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    allowed = set(columns)
    with path.open("w", encoding="utf-8", newline="", errors="replace") as file:
        for row in rows:
            lines = _card({name: value for name, value in row.items() if name in allowed})
            file.write("".join(_folded(line) + "\r\n" for line in lines))


def _card(row: Row) -> list[str]:
    name = row.get("display_name", "")
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{_escaped(name)}"]
    if row.get("kind") in _CARD_KINDS:
        lines.append(f"KIND:{_CARD_KINDS[row['kind']]}")
    if row.get("given_name") or row.get("family_name"):
        lines.append(f"N:{_escaped(row.get('family_name', ''))};{_escaped(row.get('given_name', ''))};;;")
    elif row.get("kind") == "organization":
        lines.append(f"ORG:{_escaped(name)}")
    for column, values in row.items():
        lines += _reachable(column, values)
    lines += _postal(row)
    texts = {"birth_date": "BDAY", "note": "NOTE"}
    lines += [f"{texts[column]}:{_escaped(row[column])}" for column in texts if column in row]
    if "tags" in row:
        lines.append("CATEGORIES:" + ",".join(map(_escaped, row["tags"].split("; "))))
    return [*lines, "END:VCARD"]


def _reachable(column: str, values: str) -> list[str]:
    kind, _, label = column.partition(".")
    name = {"phone": "TEL", "email": "EMAIL"}.get(kind)
    if name is None:
        return []
    head = f"{name};TYPE={_CARD_TYPES.get(label, 'x-other')}" if label else name
    return [f"{head}:{_escaped(value)}" for value in values.split("; ")]


def _postal(row: Row) -> list[str]:
    lines = []
    for prefix in ("address", *(f"address.{number}" for number in range(2, 6))):
        parts = [
            row.get(f"{prefix}.{part}", "") for part in ("lines", "city", "region", "postal_code", "country")
        ]
        if any(parts):
            lines.append("ADR:;;" + ";".join(map(_escaped, parts)))
    return lines


def _escaped(text: str) -> str:
    return re.sub(r"([\\,;])", r"\\\1", text).replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _folded(line: str) -> str:
    """At most 75 bytes a line (RFC 6350 section 3.2), never cut within a character."""
    lines, room = [""], 75
    for char in line:
        size = len(char.encode("utf-8", "replace"))
        if room < size:
            lines.append(" ")
            room = 74
        lines[-1] += char
        room -= size
    return "\r\n".join(lines)


WRITERS = {"csv": write_csv, "jsonl": write_json, "xlsx": write_workbook, "vcard": write_cards}
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "vcard": "text/vcard; charset=utf-8",
    "archive": "application/zip",
}
