"""Cells that a spreadsheet would run as formulas, written so that it does not, and read back as they were."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"^[+-]\d+([.,]\d+)?$")
_GUARDED = re.compile(r"^'(?=[=+\-@\t\r])")


def guarded(cell: str) -> str:
    """Plain numbers and telephone numbers in digits are harmless and stay as they are."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.match(cell) else cell


def unguarded(cell: str) -> str:
    return _GUARDED.sub("", cell)
