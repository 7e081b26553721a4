"""A line whose quotes do not match, read as it was meant when there is only one way to read it."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

_STAND_IN = "\ue000"
_MOST_QUOTES = 64
UNREADABLE = "cannot be read: a quote is not closed, or stands where no cell begins or ends"
MISPLACED = "a quote stands inside a cell, so that the cells cannot be told apart"


def repaired(line: str, width: int, delimiter: str, quote: str) -> list[str] | None:
    """Cells of a line in which exactly one quote is text and no sign; None when that is not plain.

    Only a reading with `width` cells counts, and two readings are none.
    """
    text = line.rstrip("\r\n")
    tidy = re.sub(rf"{re.escape(quote)} +(?={re.escape(delimiter)}|$)", quote, text)
    cells = _split(tidy, delimiter, quote)
    if len(cells) == width:  # only a blank stood between a quote and its separator
        return list(cells)
    places = [i for i, char in enumerate(text) if char == quote][:_MOST_QUOTES]
    tries = [text[:i] + _STAND_IN + text[i + 1 :] for i in places]
    readings = {cells for one in tries if len(cells := _split(one, delimiter, quote)) == width}
    if len(readings) != 1:
        return None
    return [cell.replace(_STAND_IN, quote) for cell in readings.pop()]


def _split(text: str, delimiter: str, quote: str) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader([text], delimiter=delimiter, quotechar=quote, strict=True), ()))
    except csv.Error:
        return ()


def misplaced(cells: Sequence[str], quote: str) -> bool:
    """`$69.07"Jersey` and `short"` side by side were one quoted cell whose separator is missing."""
    odd = [cell.count(quote) % 2 == 1 for cell in cells]
    inner = re.compile(rf"\S{re.escape(quote)}\S")
    return any(
        odd[i] and odd[i + 1] and inner.search(cells[i]) and cells[i + 1].rstrip().endswith(quote)
        for i in range(len(cells) - 1)
    )
