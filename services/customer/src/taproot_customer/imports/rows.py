"""One row of a file becomes the fields of a customer, or the list of everything that is wrong with it."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taproot_custom.specs import NUMBERS, Spec
from taproot_custom.values import from_text
from taproot_customer.imports import values
from taproot_customer.imports.countries import region_of
from taproot_customer.imports.dates import DAY_FIRST, NoYear, read_date
from taproot_customer.imports.people import guess_kind, turned
from taproot_customer.imports.reading import Row
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_form
from taproot_customer.matching.names import has_chinese

_LIMITS = {
    "display_name": 200, "given_name": 100, "family_name": 100, "industry": 120, "region": 120, "source": 80,
    "language_code": 20, "time_zone": 60, "note": 10_000, "address.lines": 200, "address.city": 120,
    "address.region": 120, "address.postal_code": 20, "address.country": 80,
}  # fmt: skip
_IDENTIFIERS = ("phone", "email", "tax_number", "external")
_CHOSEN = frozenset({"status", "kind", "value_class"})
OWN_KEY = "taproot"
"""Kind of a key that is the id of a customer: as in a file this system wrote."""
_HOUSE_NUMBER = re.compile(r"^\d{1,6}[a-zA-Z]?$")
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
    home_region: str = ""
    """Region by which everything else here reads telephone numbers; empty: the same."""
    day_first: bool = False
    external_system: str = "import"
    """System of keys that do not name one."""
    value_maps: tuple[Mapping[str, str], ...] = ()
    """For each column, spellings in folded case and what to read instead."""
    custom: tuple[Spec, ...] = ()
    """Fields of the enterprise's own; none: `custom` takes any key, as text."""
    keep_unreadable: bool = False
    """True: a value that cannot be read goes to the note instead of rejecting the row."""
    keep_unmapped: bool = False
    """True: cells of columns without a field go to the note, each with the name of its column."""
    date_orders: tuple[str, ...] = ()
    """Order of day and month of each column, empty where it says nothing."""
    persons: bool = False
    """Whether names that do not tell are those of persons."""
    organizations: bool = False
    """Whether the column of names says that they are those of organisations."""


@dataclass(frozen=True)
class ParsedRow:
    line: int
    cells: tuple[str, ...]
    fields: dict[str, Any] = field(default_factory=dict)
    """Columns of a customer; empty when rejected or blank."""
    keys: tuple[tuple[str, str], ...] = ()
    """Identifiers in matching form, as (kind, normal)."""
    parent: tuple[str, str] = ("", "")
    """Kind of key and normal form of the organisation above; kind `name`: what it is called."""
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
    parent: tuple[str, str] = ("", "")
    organization: tuple[str, str] = ("", "")
    """Column and name of the organisation a person belongs to, or the row is about."""
    region: str = ""
    """Of telephone numbers without a country code, where the row names its country."""

    def put(self, name: str, column: str, read: Callable[[str], Any], text: str) -> None:
        try:
            self.fields[name] = read(text)
        except NoYear:
            self.add_note(f"{column}: {text}")
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
    draft = _Draft(options, region=_region(row.cells, options))
    for index, cell in enumerate(row.cells[: len(options.fields)]):
        target = options.fields[index]
        if not (target or options.keep_unmapped):
            continue
        text = _cell(cell, index, options)
        if text:
            name = headers[index] if index < len(headers) and headers[index] else f"column {index + 1}"
            _put_cell(draft, target, name, text, index)
    if not (draft.fields or draft.reasons or draft.organization[1]):
        return ParsedRow(row.line, row.cells)
    _complete(draft)
    if draft.reasons:
        return ParsedRow(row.line, row.cells, reasons=tuple(draft.reasons))
    return ParsedRow(row.line, row.cells, draft.fields, tuple(draft.keys), draft.parent)


def _region(cells: Sequence[str], options: RowOptions) -> str:
    """Where a telephone number of this row is dialled from."""
    if "address.country" not in options.fields:
        return ""
    index = options.fields.index("address.country")
    return region_of(_cell(cells[index], index, options))


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


def _put_cell(draft: _Draft, target: str, column: str, text: str, index: int = -1) -> None:
    head, _, label = target.partition(".")
    if not target:
        draft.add_note(f"{column}: {text}")
    elif head in _IDENTIFIERS:
        for one in values.several(text, head):
            _put_identifier(draft, head, label, column, one)
    elif target == "taproot_id":
        _put_own_key(draft, column, text)
    elif head == "parent":
        _put_parent(draft, label, column, text)
    elif head == "address":
        number, dot, part = label.partition(".")
        place = int(number) - 1 if dot else 0
        _put_address(draft, place, part if dot else label, column, text)
    elif head == "custom":
        _put_custom(draft, label, column, text, index)
    elif target == "note" and "note" in draft.fields:
        draft.add_note(text)
    elif target == "organization_name":
        draft.organization = (column, text)
    elif target == "birth_date" and not text.strip("0-/. :"):
        return  # `0/0/00`: how programs write that there is none
    elif target not in _CHOSEN or text.casefold() not in values.NO_ANSWER:
        draft.put(target, column, _reader(draft.options, target, index), text)


def _put_custom(draft: _Draft, key: str, column: str, text: str, index: int) -> None:
    try:
        value = _custom_value(draft.options, key, text, index)
    except ValueError as error:
        draft.unreadable(column, text, str(error))
    else:
        draft.fields.setdefault("custom", {})[key] = value


def _custom_value(options: RowOptions, key: str, text: str, index: int) -> Any:
    spec = next((spec for spec in options.custom if spec.key == key and not spec.retired), None)
    if spec is None and options.custom:
        raise ValueError(f"there is no field custom.{key}")
    if spec is None:
        return text
    if spec.type == "date":
        text = read_date(text, day_first=_day_first(options, index)).isoformat()
    elif spec.type in NUMBERS - {"money"}:
        text = values.plain_number(text)
    return from_text(spec, text)


def _day_first(options: RowOptions, index: int) -> bool:
    order = options.date_orders[index] if 0 <= index < len(options.date_orders) else ""
    return order == DAY_FIRST if order else options.day_first


def _reader(options: RowOptions, target: str, index: int) -> Callable[[str], Any]:
    special: dict[str, Callable[[str], Any]] = {
        "birth_date": lambda text: _birth_date(text, day_first=_day_first(options, index)),
        "status": values.read_status,
        "kind": values.read_kind,
        "value_class": values.read_value_class,
        "tags": values.read_tags,
        "key_account": values.read_yes,
    }
    return special.get(target, lambda text: _limited(target, text))


def _birth_date(text: str, *, day_first: bool) -> dt.date:
    date = read_date(text, day_first=day_first)
    if date > dt.datetime.now(dt.UTC).date():
        raise ValueError("lies in the future")
    return date


def _limited(target: str, text: str) -> str:
    limit = _LIMITS[target]
    if len(text) > limit:
        raise ValueError(f"longer than {limit} characters")
    return text


def _put_identifier(draft: _Draft, kind: str, label: str, column: str, text: str) -> None:
    text = _external(draft.options, label, text) if kind == "external" else values.whole(text)
    try:
        text, normal = _normal(draft, kind, text)
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


def _external(options: RowOptions, label: str, text: str) -> str:
    if label == "domain":
        text = (
            text.casefold().removeprefix("https://").removeprefix("http://").removeprefix("www.").strip("/ ")
        )
    return text if ":" in text else f"{label or options.external_system}:{values.whole(text)}"


def _normal(draft: _Draft, kind: str, text: str) -> tuple[str, str]:
    """What to store, and its normal form. A telephone number is read as in the row's country, or else as at home."""
    options = draft.options
    if kind != "phone":
        return text, normal_form(kind, text)
    if values.shortened(text):
        raise InvalidIdentifier("a spreadsheet has cut its digits off; write the column as text")
    region = draft.region or options.phone_region
    try:
        normal = normal_form(kind, text, region)
    except InvalidIdentifier:
        if region == options.phone_region:
            raise
        region = options.phone_region
        normal = _as_at_home(text, region, draft.region)
    # later readings do not know the row's country
    return (text if region == (options.home_region or region) else normal), normal


def _as_at_home(text: str, home: str, abroad: str) -> str:
    try:
        return normal_form("phone", text, home)
    except InvalidIdentifier:
        return normal_form("phone", text, abroad)  # for its reason


def _put_parent(draft: _Draft, kind: str, column: str, text: str) -> None:
    if kind == "name":
        draft.parent = draft.parent if draft.parent[0] else (kind, text)
        return
    if kind == "external":
        text = _external(draft.options, "", text)
    try:
        draft.parent = (kind, normal_form(kind, text))
    except InvalidIdentifier as error:
        draft.unreadable(column, text, str(error))


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
        if address["lines"] and _HOUSE_NUMBER.match(address["lines"][-1]) and lines:
            lines[0] = f"{address['lines'].pop()} {lines[0]}"  # a column for the number, one for the street
        address["lines"] = [*address["lines"], *lines][:5]
        if any(len(line) > _LIMITS["address.lines"] for line in lines):
            draft.reasons.append(f"{column}: longer than {_LIMITS['address.lines']} characters")
        return
    try:
        address[part] = _limited(f"address.{part}", values.whole(text))
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
    _employ(draft)
    if "kind" not in fields:
        fields["kind"] = draft.options.default_kind or guess_kind(
            fields, persons=draft.options.persons, organizations=draft.options.organizations
        )
    if fields["kind"] == "person" and not (fields.get("given_name") or fields.get("family_name")):
        _turn(fields)
    if not fields.get("display_name"):
        name = _name_of(fields)
        if name:
            fields["display_name"] = name[:200]
        elif not draft.reasons:
            draft.reasons.append("has neither a name nor an identifier to be called by")


def _employ(draft: _Draft) -> None:
    """A row that names no person is about the organisation."""
    fields, (column, name) = draft.fields, draft.organization
    if not name:
        return
    if not (fields.keys() & {"given_name", "family_name", "display_name"}):
        draft.put("display_name", column, lambda text: _limited("display_name", text), name)
        fields.setdefault("kind", "organization")
    elif draft.options.keep_unmapped:
        draft.add_note(f"{column}: {name}")


def _name_of(fields: dict[str, Any]) -> str:
    given, family = fields.get("given_name", ""), fields.get("family_name", "")
    if given or family:
        return f"{family}{given}" if has_chinese(family + given) else f"{given} {family}".strip()
    known = fields.get("identifiers", [])
    for kind in ("email", "phone", "tax_number"):
        if found := [item["value"] for item in known if item["kind"] == kind]:
            return str(found[0])
    return next((item["value"].partition(":")[2] for item in known), "")


def _turn(fields: dict[str, Any]) -> None:
    found = turned(fields.get("display_name", ""))
    if found:
        fields["given_name"], fields["family_name"] = found
        fields["display_name"] = " ".join(found)
