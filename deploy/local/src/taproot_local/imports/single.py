"""`taproot import FILE --as OBJECTS`: one file without a recipe. The mapping is suggested, shown, and can be corrected."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
from pathlib import Path

import yaml

from taproot_local.api import Client, admin_password, local_url
from taproot_local.errors import LocalError
from taproot_local.imports import running
from taproot_local.imports.objects import OBJECTS
from taproot_local.imports.recipe import Recipe, Step
from taproot_local.imports.report import StepReport, write_rejects, write_warnings
from taproot_local.imports.suggesting import Suggestion, Wishes, suggest
from taproot_local.imports.tables import OneTable, Table, read_table

SHOWN = 10


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    table = read_table(options.file)
    suggestion = suggest(options.objects, options.file.name, table, wishes_of(options))
    for line in described(table, suggestion):
        print(line)
    if options.save:
        options.save.write_text(as_recipe(suggestion, wishes_of(options).system), encoding="utf-8")
    options.report.mkdir(parents=True, exist_ok=True)
    report = asyncio.run(_run(options, table, suggestion))
    return 0 if report.adds_up else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="taproot import", description="Load one file, with a suggested mapping."
    )
    parser.add_argument("file", type=Path, help="CSV, TSV, XLSX or JSON lines, plain or gzip")
    parser.add_argument(
        "--as", dest="objects", required=True, choices=sorted(OBJECTS), help="what its rows become"
    )
    parser.add_argument(
        "--map", action="append", default=[], metavar="COLUMN=FIELD", help="empty field: left out"
    )
    parser.add_argument(
        "--value", action="append", default=[], metavar="FIELD:SPELT=MEANT", help="what a spelling means"
    )
    parser.add_argument(
        "--system", default="", help="name of the file's system in keys (default: made of its name)"
    )
    parser.add_argument("--currency", default="CNY", help="of amounts (default: CNY)")
    parser.add_argument(
        "--phone-region", default="CN", help="of telephone numbers without a country code (default: CN)"
    )
    parser.add_argument("--dry-run", action="store_true", help="count and show, store nothing")
    parser.add_argument("--save", type=Path, help="write the mapping as a recipe that can be mended and run")
    parser.add_argument("--server", help="address of Taproot (default: the one running here)")
    parser.add_argument("--report", type=Path, default=Path(), help="where the reports go (default: here)")
    return parser


def wishes_of(options: argparse.Namespace) -> Wishes:
    fields: dict[str, str] = {}
    for one in options.map:
        column, equals, field = one.rpartition("=")
        if not equals:
            raise LocalError(f"--map {one!r} is not COLUMN=FIELD.")
        fields[column] = field
    spelt: dict[tuple[str, str], str] = {}
    for one in options.value:
        found = re.fullmatch(r"([^:]+):(.+)=([^=]+)", one)
        if found is None:
            raise LocalError(f"--value {one!r} is not FIELD:SPELT=MEANT.")
        spelt[found[1], found[2]] = found[3]
    words = re.findall(r"[^\W\d_]+", options.file.name.partition(".")[0].casefold())
    system = options.system or "_".join(words)[:40] or "import"
    return Wishes(system, options.currency, options.phone_region, fields, spelt)


def described(table: Table, suggestion: Suggestion) -> list[str]:
    """Every column with where it goes, so that none is left out without a word."""
    lines = [f"{header:<32} -> {suggestion.columns.get(header) or '(left out)'}" for header in table.headers]
    for (header, field), values in suggestion.unknown.items():
        some = ", ".join(map(repr, values[:SHOWN]))
        lines.append(
            f"{header}: no meaning is known for {some}; say it by --value '{field}:{values[0]}=MEANT'"
        )
    return lines


def as_recipe(suggestion: Suggestion, system: str) -> str:
    """Run from the folder of the file, it finds again what was loaded without it."""
    step = {name: value for name, value in suggestion.step.items() if value}
    whole = {"name": system, "about": f"made from {step['file']}", "steps": [step]}
    return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)


async def _run(options: argparse.Namespace, table: Table, suggestion: Suggestion) -> StepReport:
    async with Client.open(local_url(options.server), patience=120) as visitor:
        client = await visitor.signed_in(
            os.environ.get("TAPROOT_USER", "admin"), os.environ.get("TAPROOT_PASSWORD") or admin_password()
        )
        report = await load(client, table, suggestion, wishes_of(options).system, dry=options.dry_run)
    print(report.line())
    for line in report.details():
        print(line)
    rejects, warnings = (options.report / f"{options.objects}-{what}.csv" for what in ("rejects", "warnings"))
    print(f"{write_rejects(rejects, [report])} rejected rows in {rejects}")
    print(f"{write_warnings(warnings, [report])} warnings in {warnings}")
    return report


async def load(
    client: Client, table: Table, suggestion: Suggestion, system: str, *, dry: bool = False
) -> StepReport:
    """Counts add up: read = created + updated + skipped + rejected."""
    step = Step(**suggestion.step)
    files = OneTable(step.file, table.rows)
    run = running.Run(client, Recipe(system, "", (step,)), files, dry=dry)
    return await run.step(step, files)
