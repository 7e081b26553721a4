"""From the cells of a row to the body of a request, as the fields of a recipe say.

A field is a constant, a list, a mapping of further fields, or a leaf: a mapping with one of

* `column`: the cell, with `type` (text, integer, boolean, decimal, money, date, timestamp, phone), `format` for dates, `currency`
  for money, `order` (DMY or MDY: any way to write dates, read so where day and month could be either), `written` (numbers with
  signs and separators), `strict` (what the map does not know is refused), `only` (in rows whose `column` has one of the `values`), `country` (a column) and `countries` (its values -> ISO code) for phones, `map` (value -> value, reported when `report` is set), `default`, `otherwise` (a template where the cell is empty), `required`, `replace` (text -> text),
  `expand` (text -> column whose value takes its place), `lower`;
* `template`: text with `{column}` in it, empty when every column is; `slug` makes it a short code;
* `reference`: the id of the row of an earlier step with that `key`; `required` unless false;
* `record`: the id of a stored record of that resource; `keys` lists columns to find it by, each with `by` (external, domain,
  email, name, code) and `column`; the first one that is known counts; `other`: take this other id of the record found;
* `present`: `then` when that column has a value, else `otherwise`;
* `lookup`: the id of the one record of that resource that fits `filter`;
* `rows`: a list with one element for each row of that file where `match` (theirs: ours) fits, made by `fields`.

What is empty is left out; so is an element of a list in which only constants remain.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers

from taproot_customer.imports.dates import read_moment
from taproot_customer.imports.values import plain_number
from taproot_local.imports.rows import Row

LEAVES = ("column", "template", "reference", "record", "present", "lookup", "rows")
_TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_PLACE = re.compile(r"\{([^{}]+)\}")


@dataclass
class Notes:
    """What was found while one row was read."""

    errors: list[str] = field(default_factory=list)
    warnings: list[tuple[str, str, str]] = field(default_factory=list)
    """(column, what, value)"""


@dataclass(frozen=True)
class Surroundings:
    """What leaves need beside their own row."""

    reference: Callable[[str, str], str | None]
    lookup: Callable[[str, str], str]
    rows_where: Callable[[str, Mapping[str, str]], list[Row]]
    record: Callable[[str, str, str], Mapping[str, str] | None] = lambda _resource, _by, _key: None


class Reader:
    """Reads rows by the fields of one step."""

    def __init__(self, fields: Mapping[str, Any], around: Surroundings) -> None:
        self._fields = fields
        self._around = around

    def body(self, row: Row) -> tuple[dict[str, Any], Notes]:
        notes = Notes()
        return self._mapping(self._fields, row, notes), notes

    def _mapping(self, fields: Mapping[str, Any], row: Row, notes: Notes) -> dict[str, Any]:
        found = {name: self._value(name, spec, row, notes) for name, spec in fields.items()}
        return {name: value for name, value in found.items() if value not in (None, "", [], {})}

    def _value(self, name: str, spec: Any, row: Row, notes: Notes) -> Any:
        if isinstance(spec, list):
            return [one for item in spec if (one := self._item(name, item, row, notes)) not in (None, "", {})]
        if not isinstance(spec, Mapping):
            return spec
        leaf = next((kind for kind in LEAVES if kind in spec), None)
        if leaf is None:
            return self._mapping(spec, row, notes)
        said = len(notes.errors)
        value = getattr(self, f"_{leaf}")(name, spec, row, notes)
        if value in (None, "") and spec.get("required") and len(notes.errors) == said:
            notes.errors.append(f"{name}: is empty")
        return value

    def _item(self, name: str, item: Any, row: Row, notes: Notes) -> Any:
        value = self._value(name, item, row, notes)
        if isinstance(value, dict) and all(not isinstance(item[key], Mapping | list) for key in value):
            return None
        return value

    def _column(self, name: str, spec: Mapping[str, Any], row: Row, notes: Notes) -> Any:
        column = spec["column"]
        only = spec.get("only")
        if only and row.cells.get(only["column"], "").strip() not in only["values"]:
            return None
        text = row.cells.get(column, "").strip()
        if text in spec.get("map", {}):
            changed = str(spec["map"][text])
            if spec.get("report"):
                notes.warnings.append((column, f"read as {changed!r}", text))
            text = changed
        text = text or str(spec.get("default", "")) or filled(spec.get("otherwise", ""), row.cells)
        for old, new in spec.get("replace", {}).items():
            text = text.replace(old, new)
        for old, other in spec.get("expand", {}).items():
            text = text.replace(old, row.cells.get(other, ""))
        if not text:
            return None
        if spec.get("strict") and text not in {*map(str, spec["map"].values()), spec.get("default")}:
            notes.errors.append(f"{column}: {text!r} is none of the values known for {name}")
            return None
        if spec.get("type") == "phone":
            return self._phone(column, text, spec, row, notes)
        try:
            return convert(text.lower() if spec.get("lower") else text, spec)
        except (ValueError, KeyError, InvalidOperation):
            notes.errors.append(f"{column}: {text!r} is no {spec['type']}")
            return None

    def _phone(self, column: str, text: str, spec: Mapping[str, Any], row: Row, notes: Notes) -> str | None:
        """A number people wrote for their own country; one that cannot be dialled is reported and left out."""
        region = spec["countries"].get(row.cells.get(spec["country"], ""), spec.get("region", "ZZ"))
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            number = None
        whole = phonenumbers.ValidationResult.IS_POSSIBLE
        if number is None or phonenumbers.is_possible_number_with_reason(number) != whole:
            notes.warnings.append((column, f"no telephone number of {region}", text))
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def _template(self, _name: str, spec: Mapping[str, Any], row: Row, _notes: Notes) -> str:
        text = filled(spec["template"], row.cells)
        return slug(text) if spec.get("slug") else text

    def _reference(self, name: str, spec: Mapping[str, Any], row: Row, notes: Notes) -> str | None:
        wanted = filled(spec["key"], row.cells)
        wanted = spec.get("map", {}).get(wanted, wanted)
        if not wanted:
            return None
        found = self._around.reference(spec["reference"], wanted)
        if found is None:
            notes.errors.append(f"{name}: there is no {wanted!r} among {spec['reference']}")
        return found

    def _record(self, _name: str, spec: Mapping[str, Any], row: Row, notes: Notes) -> str | None:
        resource, missing = spec["record"], ""
        for key in spec["keys"]:
            text = row.cells.get(key["column"], "").strip()
            found = self._around.record(resource, key["by"], text) if text else None
            if found is not None and (wanted := found.get(spec.get("other", "id"))):
                return wanted
            if found is not None:
                continue
            missing = missing or (f"{key['column']}: {text!r} is none of the {resource}" if text else "")
        if missing and spec.get("required"):
            notes.errors.append(missing)
        elif missing and "other" not in spec:
            notes.warnings.append(
                (spec["keys"][0]["column"], f"is none of the {resource}; left out", missing)
            )
        return None

    def _present(self, _name: str, spec: Mapping[str, Any], row: Row, _notes: Notes) -> Any:
        return spec["then"] if row.cells.get(spec["present"], "").strip() else spec.get("otherwise")

    def _lookup(self, _name: str, spec: Mapping[str, Any], _row: Row, _notes: Notes) -> str:
        return self._around.lookup(spec["lookup"], spec["filter"])

    def _rows(self, name: str, spec: Mapping[str, Any], row: Row, notes: Notes) -> list[Any]:
        wanted = {theirs: row.cells.get(ours, "") for theirs, ours in spec["match"].items()}
        found = self._around.rows_where(spec["rows"], wanted)
        if not found and spec.get("required"):
            notes.errors.append(f"{name}: {spec['rows']} has no row for it")
        return [self._mapping(spec["fields"], one, notes) for one in found]


def convert(text: str, spec: Mapping[str, Any]) -> Any:
    """The JSON value of a cell. Raises ValueError, KeyError or InvalidOperation."""
    kind = spec.get("type", "text")
    if kind == "integer":
        return int(Decimal(text))
    if kind == "boolean":
        return _TRUTHS[text.lower()]
    if kind in {"decimal", "money"}:
        text = plain_number(text) if spec.get("written") else text
        number = f"{Decimal(text) * Decimal(str(spec.get('scale', 1))):f}"
        return number if kind == "decimal" else {"currency_code": spec["currency"], "amount": number}
    if kind in {"date", "timestamp"}:
        moment = (
            read_moment(text, day_first=spec["order"] == "DMY")
            if "order" in spec
            else _strict_moment(text, spec)
        )
        if kind == "date":
            return {"year": moment.year, "month": moment.month, "day": moment.day}
        return moment.isoformat().replace("+00:00", "Z")
    return text


def _strict_moment(text: str, spec: Mapping[str, Any]) -> datetime:
    return datetime.strptime(text, spec.get("format", "%Y-%m-%d")).replace(tzinfo=UTC)


def filled(template: str, cells: Mapping[str, str]) -> str:
    """The text with cells in place of `{column}`; empty when all of them are."""
    found = [cells.get(name, "").strip() for name in _PLACE.findall(template)]
    if found and not any(found):
        return ""
    return _PLACE.sub(lambda match: cells.get(match.group(1), "").strip(), template).strip(" ,\n")


def slug(text: str) -> str:
    """Letters and digits of ASCII only, joined by dots: fit for a user name."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", ".", plain).strip(".")
