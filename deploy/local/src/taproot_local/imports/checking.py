"""What looks wrong in the files but is loaded all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from taproot_local.imports.recipe import Check, Step
from taproot_local.imports.rows import Files, Row

Suspect = Callable[[Row], bool]


class Suspicions:
    """The checks of one step."""

    def __init__(self, step: Step, files: Files) -> None:
        self._suspects = [(check, self._suspect(check, step, files)) for check in step.checks]

    def of(self, row: Row) -> Iterator[tuple[str, str, str]]:
        """(column, what, value) for each check the row fails."""
        for check, suspect in self._suspects:
            if suspect(row):
                yield check.column, check.says, row.cells.get(check.column, "")

    def _suspect(self, check: Check, step: Step, files: Files) -> Suspect:
        column = check.column
        if check.known:
            ((file, theirs),) = check.known.items()
            known = {row.cells[theirs].strip() for row in files.rows(file)}
            return lambda row: bool(row.cells[column].strip()) and row.cells[column].strip() not in known
        if check.contains:
            return lambda row: check.contains in row.cells[column]
        if check.before:
            # ISO times compare as text.
            return lambda row: bool(row.cells[column]) and row.cells[column] < row.cells[check.before]
        if check.differs:
            return _differing(files.rows(step.file), column, check.differs)
        return lambda row: row.cells[column].strip() in check.values


def _differing(rows: list[Row], column: str, other: str) -> Suspect:
    first: dict[str, str] = {}
    for row in rows:
        first.setdefault(row.cells[column].strip().lower(), row.cells[other].strip())
    return lambda row: first[row.cells[column].strip().lower()] != row.cells[other].strip()
