"""One row of a file becomes the fields of a customer, or the list of everything that is wrong with it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taproot_custom.specs import Spec
from taproot_custom.values import from_text
from taproot_customer.imports import values
from taproot_customer.imports.reading import Row
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_form
from taproot_customer.matching.names import company_core, fold, has_chinese

_LIMITS = {
    "display_name": 200, "given_name": 100, "family_name": 100, "industry": 120, "region": 120, "source": 80,
    "language_code": 20, "time_zone": 60, "note": 10_000, "address.lines": 200, "address.city": 120,
    "address.region": 120, "address.postal_code": 20, "address.country": 80,
}  # fmt: skip
_IDENTIFIERS = ("phone", "email", "tax_number", "external")
_PERSON_NAME = 4
OWN_KEY = "taproot"
"""Kind of a key that is the id of a customer: as in a file this system wrote."""
_NO_ADDRESS: dict[str, Any] = {"lines": [], "city": "", "region": "", "postal_code": "", "country": ""}


@dataclass(frozen=True)
class RowOptions:
    """The import's options as far as reading needs them."""

    fields: tuple[str, ...]
    """Field of each column; empty: ignored."""
    default_kind: str = ""
    source: str = "import"
    tags: tuple[str, ...] = ()
    phone_region: str = "CN"
    day_first: bool = False
    external_system: str = "import"
    """System of keys that do not name one."""
    value_maps: tuple[Mapping[str, str], ...] = ()
    """For each column, spellings in folded case and what to read instead."""
    custom: tuple[Spec, ...] = ()
    """Fields of the enterprise's own; none: `custom` takes any key, as text."""
    keep_unreadable: bool = False
    """True: a value that cannot be read goes to the note instead of rejecting the row."""


@dataclass(frozen=True)
class ParsedRow:
    line: int
    cells: tuple[str, ...]
    fields: dict[str, Any] = field(default_factory=dict)
    """Columns of a customer; empty when rejected or blank."""
    keys: tuple[tuple[str, str], ...] = ()
    """Identifiers in matching form, as (kind, normal)."""
    reasons: tuple[str, ...] = ()
    columns: dict[str, Any] = field(default_factory=dict)
    """Filled by `preparing`: all columns of a new customer but its place."""
    payload: bytes = b""

    @property
    def blank(self) -> bool:
        return not self.fields and not self.reasons


@dataclass
class _Draft:
    options: RowOptions
    fields: dict[str, Any] = field(default_factory=dict)
    keys: list[tuple[str, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def put(self, name: str, column: str, read: Callable[[str], Any], text: str) -> None:
        try:
            self.fields[name] = read(text)
        except ValueError as error:
            self.unreadable(column, text, str(error))

    def unreadable(self, column: str, text: str, why: str) -> None:
        if self.options.keep_unreadable:
            self.add_note(f"{column}: {text}")
        else:
            self.reasons.append(f"{column}: {why}")

    def add_note(self, text: str) -> None:
        note = self.fields.get("note", "")
        self.fields["note"] = f"{note}\n{text}".strip()[: _LIMITS["note"]]


def parse_row(row: Row, headers: Sequence[str], options: RowOptions) -> ParsedRow:
    if _repeats(row.cells, headers):
        return ParsedRow(row.line, row.cells)
    problem = row.problem or _width_problem(row.cells, len(options.fields))
    if problem:
        return ParsedRow(row.line, row.cells, reasons=(problem,))
    draft = _Draft(options)
    for index, target in enumerate(options.fields):
        text = _cell(row.cells[index], index, options) if target else ""
        if text:
            name = headers[index] if index < len(headers) and headers[index] else f"column {index + 1}"
            _put_cell(draft, target, name, text)
    if not draft.fields and not draft.reasons:
        return ParsedRow(row.line, row.cells)
    _complete(draft)
    if draft.reasons:
        return ParsedRow(row.line, row.cells, reasons=tuple(draft.reasons))
    return ParsedRow(row.line, row.cells, draft.fields, tuple(draft.keys))


def _cell(cell: str, index: int, options: RowOptions) -> str:
    text = values.clean(cell)
    spelt = options.value_maps[index] if index < len(options.value_maps) else None
    return spelt.get(text.casefold(), text) if spelt else text


def _repeats(cells: Sequence[str], headers: Sequence[str]) -> bool:
    """The header again, as where several tables were put one behind the other."""
    return (
        len(cells) == len(headers) > 1
        and any(headers)
        and all(cell.strip() == header for cell, header in zip(cells, headers, strict=True))
    )


def _width_problem(cells: Sequence[str], width: int) -> str:
    if len(cells) != width:
        return f"has {len(cells)} cells instead of {width}"
    return ""


def _put_cell(draft: _Draft, target: str, column: str, text: str) -> None:
    head, _, label = target.partition(".")
    if head in _IDENTIFIERS:
        for one in values.several(text):
            _put_identifier(draft, head, label, column, one)
    elif target == "taproot_id":
        _put_own_key(draft, column, text)
    elif head == "address":
        number, dot, part = label.partition(".")
        place = int(number) - 1 if dot else 0
        _put_address(draft, place, part if dot else label, column, text)
    elif head == "custom":
        _put_custom(draft, label, column, text)
    elif target == "note" and "note" in draft.fields:
        draft.add_note(text)
    else:
        draft.put(target, column, _reader(draft.options, target), text)


def _put_custom(draft: _Draft, key: str, column: str, text: str) -> None:
    try:
        value = _custom_value(draft.options.custom, key, text)
    except ValueError as error:
        draft.unreadable(column, text, str(error))
    else:
        draft.fields.setdefault("custom", {})[key] = value


def _custom_value(specs: Sequence[Spec], key: str, text: str) -> Any:
    spec = next((spec for spec in specs if spec.key == key and not spec.retired), None)
    if spec is None and specs:
        raise ValueError(f"there is no field custom.{key}")
    return text if spec is None else from_text(spec, text)


def _reader(options: RowOptions, target: str) -> Callable[[str], Any]:
    special: dict[str, Callable[[str], Any]] = {
        "birth_date": lambda text: _birth_date(text, options),
        "status": values.read_status,
        "kind": values.read_kind,
        "value_class": values.read_value_class,
        "tags": values.read_tags,
        "key_account": values.read_yes,
    }
    return special.get(target, lambda text: _limited(target, text))


def _birth_date(text: str, options: RowOptions) -> dt.date:
    date = values.read_date(text, day_first=options.day_first)
    if date > dt.datetime.now(dt.UTC).date():
        raise ValueError("lies in the future")
    return date


def _limited(target: str, text: str) -> str:
    limit = _LIMITS[target]
    if len(text) > limit:
        raise ValueError(f"longer than {limit} characters")
    return text


def _put_identifier(draft: _Draft, kind: str, label: str, column: str, text: str) -> None:
    if kind == "external" and ":" not in text:
        text = f"{label or draft.options.external_system}:{text}"
    try:
        normal = normal_form(kind, text, draft.options.phone_region)
    except InvalidIdentifier as error:
        draft.unreadable(column, text, str(error))
        return
    if (kind, normal) in draft.keys:
        return
    draft.keys.append((kind, normal))
    known = draft.fields.setdefault("identifiers", [])
    first = all(item["kind"] != kind for item in known)
    shown = "" if kind == "external" else label
    known.append({"kind": kind, "value": text, "label": shown, "primary": first})


def _put_own_key(draft: _Draft, column: str, text: str) -> None:
    try:
        draft.keys.append((OWN_KEY, str(uuid.UUID(text))))
    except ValueError:
        draft.unreadable(column, text, "not an id of this system")


def _put_address(draft: _Draft, place: int, part: str, column: str, text: str) -> None:
    known = draft.fields.setdefault("addresses", [])
    known += [dict(_NO_ADDRESS) for _ in range(place + 1 - len(known))]
    address = known[place]
    if part == "lines":
        lines = [line.strip() for line in text.replace("\\n", "\n").splitlines() if line.strip()]
        address["lines"] = [*address["lines"], *lines][:5]
        if any(len(line) > _LIMITS["address.lines"] for line in lines):
            draft.reasons.append(f"{column}: longer than {_LIMITS['address.lines']} characters")
        return
    try:
        address[part] = _limited(f"address.{part}", text)
    except ValueError as error:
        draft.unreadable(column, text, str(error))


def _complete(draft: _Draft) -> None:
    fields = draft.fields
    if "source" not in draft.options.fields:
        fields.setdefault("source", draft.options.source)
    if "addresses" in fields:
        fields["addresses"] = [address for address in fields["addresses"] if address != _NO_ADDRESS]
    fields["tags"] = list(dict.fromkeys([*fields.get("tags", []), *draft.options.tags]))
    if not fields["tags"]:
        del fields["tags"]
    if "kind" not in fields:
        fields["kind"] = draft.options.default_kind or guess_kind(fields)
    if not fields.get("display_name"):
        name = _name_of(fields)
        if name:
            fields["display_name"] = name[:200]
        elif not draft.reasons:
            draft.reasons.append("has neither a name nor an identifier to be called by")


def _name_of(fields: dict[str, Any]) -> str:
    given, family = fields.get("given_name", ""), fields.get("family_name", "")
    if given or family:
        return f"{family}{given}" if has_chinese(family + given) else f"{given} {family}".strip()
    callable_by = [
        item["value"] for item in fields.get("identifiers", []) if item["kind"] in ("email", "phone")
    ]
    return str(callable_by[0]) if callable_by else ""


def guess_kind(fields: dict[str, Any]) -> str:
    """Person or organisation from what the row holds; an organisation when nothing tells."""
    if fields.get("given_name") or fields.get("family_name") or fields.get("birth_date"):
        return "person"
    if any(item["kind"] == "tax_number" for item in fields.get("identifiers", [])):
        return "organization"
    name = fields.get("display_name", "")
    folded = fold(name).replace(" ", "")
    if not folded:
        return "person"
    if has_chinese(folded):
        short = len(folded) <= _PERSON_NAME and company_core(name) == folded
        return "person" if short else "organization"
    return "organization"
