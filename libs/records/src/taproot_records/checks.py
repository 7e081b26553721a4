"""Checks that do not depend on each other: what they say against the input is told in one answer."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from taproot_base.errors import InvalidArgument


class Checks:
    """Each `with checks:` holds one check; `done` raises what they have found. Other errors pass at once."""

    def __init__(self) -> None:
        self._found: list[InvalidArgument] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if isinstance(error, InvalidArgument):
            self._found.append(error)
            return True
        return False

    def refuse(self, field: str, description: str) -> None:
        self._found.append(InvalidArgument([(field, description)]))

    def done(self) -> None:
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise InvalidArgument(dict.fromkeys(v for error in self._found for v in error.violations))
