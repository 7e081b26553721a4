"""`taproot import`: runs a recipe over a directory of files."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from taproot_local.api import Client, admin_password, local_url
from taproot_local.errors import LocalError
from taproot_local.imports import single
from taproot_local.imports.checking import Suspicions
from taproot_local.imports.recipe import Recipe, Step, find_recipe, read_recipe
from taproot_local.imports.records import Records, resources_of
from taproot_local.imports.report import StepReport, write_rejects, write_warnings
from taproot_local.imports.rows import Files, Row
from taproot_local.imports.storing import Entry, Store
from taproot_local.imports.tables import AnyFiles
from taproot_local.imports.targets import target
from taproot_local.imports.values import Reader, Surroundings, filled

_NAMESPACE = uuid.UUID("3c0f8f1e-52a4-4b7c-8d8e-1f7a4c2b9d10")
Say = Callable[[str], None]


def main(arguments: list[str]) -> int:
    if any(one == "--as" or one.startswith("--as=") for one in arguments):
        return single.main(arguments)
    parser = argparse.ArgumentParser(
        prog="taproot import",
        description="Load files as a recipe says. One file goes without a recipe: see `taproot import FILE --as OBJECTS --help`.",
    )
    parser.add_argument("recipe", help="path of a recipe, or the name of one that comes with Taproot")
    parser.add_argument("directory", type=Path, help="where its files are")
    parser.add_argument("--server", help="address of Taproot (default: the one running here)")
    parser.add_argument("--report", type=Path, default=Path(), help="where the reports go (default: here)")
    options = parser.parse_args(arguments)
    recipe = read_recipe(find_recipe(options.recipe))
    options.report.mkdir(parents=True, exist_ok=True)
    steps = asyncio.run(_run(recipe, options.directory, local_url(options.server), options.report))
    return 0 if all(step.adds_up for step in steps) else 1


async def _run(recipe: Recipe, directory: Path, url: str, reports: Path) -> list[StepReport]:
    async with Client.open(url, patience=120) as visitor:
        client = await visitor.signed_in(
            os.environ.get("TAPROOT_USER", "admin"), os.environ.get("TAPROOT_PASSWORD") or admin_password()
        )
        return await run_recipe(client, recipe, directory, reports, say=print)


async def run_recipe(
    client: Client, recipe: Recipe, directory: Path, reports: Path, *, say: Say = lambda _line: None
) -> list[StepReport]:
    """Run every step; writes `<recipe>-rejects.csv` and `<recipe>-warnings.csv` into `reports`."""
    files = AnyFiles(directory)
    done = Run(client, recipe, files)
    found: list[StepReport] = []
    for step in recipe.steps:
        begun = time.monotonic()
        report = await done.step(step, files)
        found.append(report)
        say(f"{report.line()}  ({time.monotonic() - begun:.1f} s)")
        for line in report.details():
            say(line)
    rejects, warnings = reports / f"{recipe.name}-rejects.csv", reports / f"{recipe.name}-warnings.csv"
    say(f"{write_rejects(rejects, found)} rejected rows in {rejects}")
    say(f"{write_warnings(warnings, found)} warnings in {warnings}")
    return found


class Run:
    """One run of a recipe: remembers under which id the rows of earlier steps are stored."""

    def __init__(self, client: Client, recipe: Recipe, files: Files, *, dry: bool = False) -> None:
        self._dry = dry
        self._records = Records()
        self._client = client
        self._recipe = recipe
        self._files = files
        self._ids: dict[str, dict[str, str]] = {}
        self._indexes: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], list[Row]]] = {}
        self._found: dict[tuple[str, str], str] = {}

    async def step(self, step: Step, files: Files) -> StepReport:
        await self._look_up(step.fields)
        self._records = await Records.read(self._client, resources_of(step.fields))
        report = StepReport(step.name)
        place = target(step.into)
        store = Store(self._client, place, report, dry=self._dry)
        self._ids[step.name] = {}
        entries = list(self._entries(step, files.of(step), Suspicions(step, files), report))
        await store.put(entries, await store.existing(step.existing))
        mine = self._ids[step.name].items()
        self._ids[step.name] = {
            key: store.ids.get(identity, identity) for key, identity in mine if identity not in store.refused
        }
        return report

    def _entries(
        self, step: Step, rows: list[Row], suspicions: Suspicions, report: StepReport
    ) -> Iterator[Entry]:
        reader = Reader(
            step.fields, Surroundings(self._reference, self._lookup, self._rows_where, self._records.find)
        )
        keys = self._ids[step.name]
        for row in rows:
            report.read += 1
            if row.problem:
                report.rejected.append((row, [row.problem]))
                continue
            for column, what, value in suspicions.of(row):
                report.warn(row, column, what, value)
            reason = _skipped(step, row)
            key = filled(step.key, row.cells).lower()
            if reason is None and key in keys and step.repeated == "skip":
                reason = "the key was there before"
            if reason is not None:
                report.skipped[reason] += 1
                continue
            entry = self._entry(step, row, key, reader, report)
            if entry is not None:
                keys[key] = entry.body["id"]
                yield entry

    def _entry(self, step: Step, row: Row, key: str, reader: Reader, report: StepReport) -> Entry | None:
        body, notes = reader.body(row)
        for column, what, value in notes.warnings:
            report.warn(row, column, what, value)
        if not key:
            notes.errors.append("the row has no key")
        elif key in self._ids[step.name]:
            notes.errors.append(f"the key {key!r} was there before")
        if notes.errors:
            report.rejected.append((row, notes.errors))
            return None
        return Entry(row, {"id": self._identity(step.name, key), **body})

    def _identity(self, step: str, key: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self._recipe.name}/{step}/{key}"))

    def _reference(self, step: str, key: str) -> str | None:
        return self._ids.get(step, {}).get(key.lower())

    def _lookup(self, resource: str, query: str) -> str:
        return self._found[resource, query]

    async def _look_up(self, fields: object) -> None:
        """Records that fields refer to by a filter are found before the rows are read."""
        if isinstance(fields, list):
            for one in fields:
                await self._look_up(one)
        if not isinstance(fields, Mapping):
            return
        if "lookup" in fields:
            resource, query = fields["lookup"], fields["filter"]
            found = await self._client.first(target(resource).path, query)
            if found is None:
                raise LocalError(f"The recipe needs a record of {resource} with {query}, and there is none.")
            self._found[resource, query] = str(found["id"])
            return
        for one in fields.values():
            await self._look_up(one)

    def _rows_where(self, file: str, wanted: Mapping[str, str]) -> list[Row]:
        columns = tuple(wanted)
        if (file, columns) not in self._indexes:
            index: dict[tuple[str, ...], list[Row]] = {}
            for row in self._files.rows(file):
                index.setdefault(tuple(row.cells[name] for name in columns), []).append(row)
            self._indexes[file, columns] = index
        return self._indexes[file, columns].get(tuple(wanted.values()), [])


def _skipped(step: Step, row: Row) -> str | None:
    for skip in step.skips:
        value = row.cells.get(skip.column, "").strip()
        if (skip.empty and not value) or value in skip.values:
            return skip.reason
    return None
