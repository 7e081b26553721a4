"""Files read as their suggestions are."""

from __future__ import annotations

from pathlib import Path

from taproot_customer.imports.converting import as_table
from taproot_customer.imports.mapping import suggest
from taproot_customer.imports.parsing import look_at, parse_chunk
from taproot_customer.imports.rows import ParsedRow, RowOptions


def load(path: Path, **options: object) -> tuple[dict[str, str], list[ParsedRow]]:
    """Header -> field, and the rows, as the suggested mapping reads them."""
    table = as_table(str(path))
    if table is not None:
        path.write_bytes(table)
    preview = look_at(str(path))
    found = RowOptions(
        tuple(c.suggested for c in preview.columns),
        date_orders=tuple(c.date_order for c in preview.columns),
        persons=any(c.persons for c in preview.columns),
        **options,  # type: ignore[arg-type]  # test input
    )
    headers = [c.header for c in preview.columns]
    chunk = parse_chunk(str(path), preview.encoding, preview.dialect, headers, found, None, 1_000_000)
    return {c.header: c.suggested for c in preview.columns}, list(chunk.rows)


def load_text(text: str, folder: Path, encoding: str = "utf-8", **options: object) -> list[ParsedRow]:
    path = folder / "file"
    path.write_bytes(text.encode(encoding))
    return load(path, **options)[1]


def fields_of(*headers: str) -> list[str]:
    return [column.suggested for column in suggest(headers, [])]
