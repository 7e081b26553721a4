"""Rows that read like mapped objects."""

from __future__ import annotations

from typing import Any


class Stored:
    """A row with its columns as attributes, like the mapped object it would make."""

    __slots__ = ("_row",)

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return self._row[name]

    @property
    def etag(self) -> str:
        return str(self._row["version"])
