"""Recipes: which file goes where, written in YAML. `recipes/` has those that come with Taproot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from taproot_local.errors import LocalError

RECIPES = Path(__file__).parent / "recipes"
SUFFIX = ".yaml"


@dataclass(frozen=True)
class Join:
    """Columns of another file, under `name.column`, found by equal values of `on` (ours: theirs)."""

    name: str
    file: str
    on: Mapping[str, str]


@dataclass(frozen=True)
class Check:
    """Something suspicious that is reported and loaded all the same. One of the conditions is given.

    `values`: the column holds one of them. `known`: the column holds a value that no row of `file: column` has.
    `contains`: the column holds that text. `before`: the column's time lies before that of the other column.
    `differs`: rows with an equal value in the column have different ones in that other column.
    """

    column: str
    says: str
    values: tuple[str, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    contains: str = ""
    before: str = ""
    differs: str = ""


@dataclass(frozen=True)
class Skip:
    """Rows that are left alone, with the reason."""

    column: str
    reason: str
    empty: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One file into one resource. `key` names a row, also for references from later steps."""

    name: str
    file: str
    into: str
    key: str
    fields: Mapping[str, Any]
    existing: str = ""
    """Filter for the records an earlier run may have made; empty: all of the resource."""
    repeated: str = "reject"
    """What becomes of a row whose key was there before: `reject` or `skip`."""
    sort: str = ""
    """Column to read the rows in order of: parents before children."""
    joins: tuple[Join, ...] = ()
    checks: tuple[Check, ...] = ()
    skips: tuple[Skip, ...] = ()
    any_format: bool = False
    """Whether the file is read as imports of customers read theirs: any encoding and dialect, workbooks, JSON lines."""


@dataclass(frozen=True)
class Recipe:
    name: str
    about: str
    steps: tuple[Step, ...]


def find_recipe(name: str) -> Path:
    """A path, or the name of a recipe that comes with Taproot."""
    path = Path(name)
    if path.is_file():
        return path
    ours = RECIPES / f"{name.removesuffix(SUFFIX)}{SUFFIX}"
    if ours.is_file():
        return ours
    known = ", ".join(sorted(one.stem for one in RECIPES.glob(f"*{SUFFIX}")))
    raise LocalError(f"There is no recipe {name!r}; there are {known}, or give the path of your own.")


def read_recipe(path: Path) -> Recipe:
    """Raises LocalError that names the place of a mistake."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        steps = tuple(_step(one) for one in raw["steps"])
        recipe = Recipe(str(raw["name"]), str(raw.get("about", "")), steps)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise LocalError(f"{path} is no recipe: {type(error).__name__} {error}") from error
    names = [step.name for step in recipe.steps]
    if len(set(names)) < len(names):
        raise LocalError(f"{path} is no recipe: two steps have the same name.")
    return recipe


def _step(raw: Mapping[str, Any]) -> Step:
    known = set(Step.__dataclass_fields__)
    unknown = sorted(set(raw) - known)
    if unknown:
        raise KeyError(f"step {raw.get('name')!r} has unknown {unknown}")
    values = dict(raw)
    values["joins"] = tuple(Join(**one) for one in raw.get("joins", ()))
    values["checks"] = tuple(_check(one) for one in raw.get("checks", ()))
    values["skips"] = tuple(
        Skip(**{**one, "values": tuple(one.get("values", ()))}) for one in raw.get("skips", ())
    )
    return Step(**values)


def _check(raw: Mapping[str, Any]) -> Check:
    return Check(**{**raw, "values": tuple(raw.get("values", ()))})
