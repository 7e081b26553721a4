"""How a delimited file is written: separator, quotes, lines above the header, header or none.

A candidate dialect is good when it cuts the sample into many rows of the same width; the widest regular one wins.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from statistics import median

from taproot_customer.imports.encoding import Encoding, detect_encoding, resolve_encoding
from taproot_customer.imports.reading import Dialect, Row, read_rows

SAMPLE_BYTES = 256 * 1024
SAMPLE_ROWS = 200
_DELIMITERS = (",", ";", "\t", "|", "，")
_VALUE = re.compile(
    r"^[\s\d.,:/%+\-()#$€¥￥£]*\d[\s\d.,:/%+\-()#$€¥￥£]*$|@|^https?://|^www\.", re.IGNORECASE
)
_MAX_PREAMBLE = 20
_FULL = 0.6


def sniff(sample: bytes, *, complete: bool) -> tuple[str, Dialect]:
    """Encoding and dialect. `complete` says that the sample is the whole file."""
    name = detect_encoding(sample)
    return name, sniff_dialect(sample, name, complete=complete)


def sniff_dialect(sample: bytes, encoding_name: str, *, complete: bool) -> Dialect:
    encoding = resolve_encoding(encoding_name, sample)
    best, best_score = Dialect(), -1.0
    text = sample.decode(encoding.name, "replace")
    for delimiter in _DELIMITERS:
        for quote, escape in _quotings(text):
            candidate = Dialect(delimiter, quote, escape)
            rows = _sample_rows(sample, encoding, candidate, complete=complete)
            score = _regularity(rows)
            if score > best_score + 1e-9:
                best, best_score = candidate, score
    rows = _sample_rows(sample, encoding, best, complete=complete)
    return _with_header(rows, best)


def _quotings(text: str) -> list[tuple[str, str]]:
    found = [('"', "")]
    if '\\"' in text:
        found.insert(0, ('"', "\\"))
    if re.search(r"(?:^|[,;\t|])'[^'\n]*'(?:[,;\t|\r\n]|$)", text):
        found.append(("'", ""))
    return found


def _sample_rows(sample: bytes, encoding: Encoding, dialect: Dialect, *, complete: bool) -> list[Row]:
    rows = list(islice(read_rows(io.BytesIO(sample), encoding, dialect), SAMPLE_ROWS))
    # the last row of a cut sample may be cut itself
    return rows if complete or len(rows) in (1, SAMPLE_ROWS) else rows[:-1]


def _regularity(rows: Sequence[Row]) -> float:
    """Share of rows of the most frequent width, weighted by that width; 0 when nothing is separated."""
    widths = Counter(len(row.cells) for row in rows)
    if not widths:
        return 0.0
    width, count = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    broken = sum(1 for row in rows if row.problem or any("\n" in cell and '"' in cell for cell in row.cells))
    share = (count - 0.5 * broken) / len(rows)
    return 0.0 if width == 1 else share * (1 - 1 / (width + 1))


def _with_header(rows: Sequence[Row], dialect: Dialect) -> Dialect:
    if not rows:
        return dialect
    top = _top_row(rows)
    lines_above = rows[top].line - 1
    return Dialect(
        dialect.delimiter, dialect.quote, dialect.escape, lines_above, looks_like_header(rows[top:])
    )


def _top_row(rows: Sequence[Row]) -> int:
    """The first row as full as the rows below usually are; titles and remarks above it are not."""
    filled = [sum(1 for cell in row.cells if cell.strip()) for row in rows]
    usual = median(filled)
    top = next((i for i, count in enumerate(filled[:_MAX_PREAMBLE]) if count >= max(1.5, _FULL * usual)), 0)
    return top if top + 1 < len(rows) else 0


def column_count(rows: Sequence[Row]) -> int:
    """Width of the table: what most rows have."""
    return Counter(len(row.cells) for row in rows).most_common(1)[0][0] if rows else 0


def looks_like_header(rows: Sequence[Row]) -> bool:
    """A header holds words, each once, none of them a number, date, e-mail or address of the web."""
    if not rows:
        return False
    named = [cell.strip() for cell in rows[0].cells if cell.strip()]
    if not named or any(_VALUE.search(cell) for cell in named):
        return False
    if len(rows) == 1:
        return True
    return len({cell.casefold() for cell in named}) == len(named) or _stands_over_values(rows)


def _stands_over_values(rows: Sequence[Row]) -> bool:
    """Words twice in a row still name columns when there are numbers or the like below them."""
    for index, cell in enumerate(rows[0].cells):
        below = [row.cells[index] for row in rows[1:] if index < len(row.cells) and row.cells[index].strip()]
        if cell.strip() and below and sum(1 for one in below if _VALUE.search(one)) / len(below) >= _FULL:
            return True
    return False
