"""Cells to bodies, and what counts as the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from taproot_local.errors import LocalError
from taproot_local.imports.recipe import RECIPES, Join, Step, find_recipe, read_recipe
from taproot_local.imports.rows import Files, Row
from taproot_local.imports.targets import TARGETS, differing
from taproot_local.imports.values import Reader, Surroundings, slug

IDS = {("people", "ada"): "id-of-ada"}
ORDER_LINES = [
    Row("lines.csv", 2, {"order": "1", "what": "pen"}),
    Row("lines.csv", 3, {"order": "1", "what": "ink"}),
]
AROUND = Surroundings(
    lambda step, key: IDS.get((step, key.lower())),
    lambda resource, query: f"{resource}/{query}",
    lambda file, wanted: [row for row in ORDER_LINES if row.cells["order"] == wanted["order"]],
)


def read(spec: Any, **cells: str) -> tuple[Any, list[str]]:
    body, notes = Reader({"it": spec}, AROUND).body(Row("f.csv", 2, cells))
    return body.get("it"), notes.errors


@pytest.mark.parametrize(
    ("spec", "cells", "expected"),
    [
        ({"column": "a"}, {"a": " x "}, "x"),
        ({"column": "a", "default": "none"}, {"a": ""}, "none"),
        ({"column": "a", "map": {"x": "y"}}, {"a": "x"}, "y"),
        ({"column": "a", "type": "integer"}, {"a": "3.0"}, 3),
        ({"column": "a", "type": "boolean"}, {"a": "1"}, True),
        ({"column": "a", "type": "decimal", "scale": 1000000}, {"a": "1.5"}, "1500000.0"),
        ({"column": "a", "type": "money", "currency": "USD"}, {"a": "9.50"}, {"currency_code": "USD", "amount": "9.50"}),
        ({"column": "a", "type": "date"}, {"a": "2017-03-01"}, {"year": 2017, "month": 3, "day": 1}),
        ({"column": "a", "type": "timestamp"}, {"a": "2017-03-01"}, "2017-03-01T00:00:00Z"),
        ({"column": "a", "expand": {"{p}": "b"}}, {"a": "the {p}", "b": "lamp"}, "the lamp"),
        ({"template": "{a} {b}"}, {"a": "Ada", "b": "Quill"}, "Ada Quill"),
        ({"template": "crm:{a}"}, {"a": ""}, None),
        ({"reference": "people", "key": "{a}"}, {"a": "Ada"}, "id-of-ada"),
        ({"present": "a", "then": "DONE", "otherwise": "OPEN"}, {"a": ""}, "OPEN"),
        ({"lookup": "branches", "filter": "x"}, {}, "branches/x"),
        ({"rows": "lines.csv", "match": {"order": "n"}, "fields": {"name": {"column": "what"}}}, {"n": "1"}, [{"name": "pen"}, {"name": "ink"}]),
        ([{"kind": "PHONE", "value": {"column": "a"}}], {"a": ""}, None),
    ],
)  # fmt: skip
def test_values(spec: Mapping[str, Any], cells: dict[str, str], expected: Any) -> None:
    assert read(spec, **cells) == (expected, [])


@pytest.mark.parametrize(
    ("spec", "cells"),
    [
        ({"column": "a", "type": "decimal"}, {"a": "ninety"}),
        ({"column": "a", "type": "date"}, {"a": "05/01/2017"}),
        ({"column": "a", "type": "boolean"}, {"a": "perhaps"}),
        ({"column": "a", "required": True}, {"a": ""}),
        ({"reference": "people", "key": "{a}"}, {"a": "Nobody"}),
        ({"rows": "lines.csv", "match": {"order": "n"}, "required": True, "fields": {}}, {"n": "2"}),
    ],
)
def test_what_cannot_be_read_is_said(spec: Mapping[str, Any], cells: dict[str, str]) -> None:
    value, errors = read(spec, **cells)
    assert not value
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("stored", "changed"),
    [
        ({"state": "THING_STATE_OPEN", "price": {"amount": "9.500", "currency_code": "USD"}, "more": 1}, []),
        ({"state": "THING_STATE_DONE", "price": {"amount": "9.5", "currency_code": "USD"}}, ["state"]),
        ({"state": "THING_STATE_OPEN", "price": {"amount": "9.51", "currency_code": "USD"}}, ["price"]),
        ({"state": "THING_STATE_OPEN"}, ["price"]),
    ],
)
def test_only_what_differs_is_changed(stored: dict[str, Any], changed: list[str]) -> None:
    wanted = {"id": "1", "state": "OPEN", "price": {"currency_code": "USD", "amount": "9.5"}}
    assert differing(wanted, stored) == changed


def test_user_names_are_made_of_ascii() -> None:
    assert slug("Jörg  O'Néill") == "jorg.o.neill"


def test_files_with_bom_gzip_and_line_breaks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes('\ufeffid,text\r\n1,"two\r\nlines"\r\n2,x\r\n'.encode())
    (tmp_path / "b.csv").write_text("key,more\n2,found\n")
    step = Step("s", "a.csv", "customers", "{id}", {}, joins=(Join("b", "b.csv", {"id": "key"}),))
    rows = Files(tmp_path).of(step)
    assert [(row.line, row.cells["text"], row.cells.get("b.more")) for row in rows] == [
        (2, "two\r\nlines", None),
        (4, "x", "found"),
    ]


def test_every_recipe_reads_and_goes_into_known_resources() -> None:
    recipes = [read_recipe(path) for path in sorted(RECIPES.glob("*.yaml"))]
    assert {recipe.name for recipe in recipes} == {"crm-sales-opportunities", "northwind", "support-tickets"}
    assert {step.into for recipe in recipes for step in recipe.steps} <= set(TARGETS)


def test_mistakes_in_recipes_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "name: bad\nsteps:\n  - {name: a, file: a.csv, into: customers, key: x, fields: {}, colour: red}\n"
    )
    with pytest.raises(LocalError, match="colour"):
        read_recipe(path)
    with pytest.raises(LocalError, match="northwind"):
        find_recipe("no-such-recipe")
