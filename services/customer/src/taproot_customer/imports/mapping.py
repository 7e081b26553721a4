"""Which field a column of a file most likely holds, from its name and its first values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from taproot_customer.imports import languages, values
from taproot_customer.imports.aliases import BY_NAME, EMPLOYER_KEYS, FIELDS, GLUED, NAMES, SECOND_NAMES
from taproot_customer.imports.dates import holds_short_dates, order_of
from taproot_customer.imports.headers import own_names, plain_header
from taproot_customer.imports.people import mostly_persons
from taproot_customer.imports.places import GLUED_PLACE, PLACES, Places

_SINGLE = frozenset(
    name
    for name in NAMES
    if name.partition(".")[0] not in ("phone", "email", "note") and name != "address.lines"
) | {"organization_name"}
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_MOBILE = re.compile(r"^(\+?86[- ]?)?1[3-9]\d{9}$")
_CUSTOM_KEY = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
_EMPLOYER = re.compile(rf"company|organi[sz]ation|business|account|公司|企业|单位|{languages.EMPLOYER}")
# Written as people write telephone numbers: with a country code, or in groups.
_PHONE = re.compile(r"^(?=(?:\D*\d){7,15}\D*$)(?:\+\d[\d ().-]+|\(?\d{2,5}\)?[ -]\d[\d -]*\d)$")
_PICKED: dict[str, Callable[[str], object]] = {
    "status": values.read_status,
    "kind": values.read_kind,
    "value_class": values.read_value_class,
}
_PHONES = {"": "phone", "work": "phone", "office": "phone", "main": "phone", "home": "phone.home"}
"""Where the name of a column leaves open of what it is, and its values tell."""
_NUMBER = re.compile(r"^[\d.-]+$")
_NAMED = frozenset({"display_name", "given_name", "family_name"})
_MOST = 0.8
_MOST_ALIKE = 0.2
SAMPLE = 200
HEAD_ROWS = 20_000
"""Where the sample of a column that is mostly empty is looked for."""
NO_FIELDS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Column:
    index: int
    header: str
    samples: tuple[str, ...]
    suggested: str
    date_order: str = ""
    """What all dates of the column together say about those that can be read in two ways."""
    persons: bool = False
    """Whether its names are mostly those of persons."""


def suggest(
    headers: Sequence[str], rows: Sequence[Sequence[str]], own: Mapping[str, str] = NO_FIELDS
) -> list[Column]:
    """One column each; a field that can be written once is suggested once, for the first column that fits.

    `own`: fields of the enterprise's own by what they are called.
    """
    names = own_names(headers)
    places = Places(names)
    taken: set[str] = set()
    columns = []
    for index, header in enumerate(headers):
        samples = tuple(row[index].strip() for row in rows if index < len(row) and row[index].strip())
        field = places.address_of(header, names[index], _field_of(header, names[index], samples))
        if field in taken and field in _SINGLE:
            field = ""
        field = field or own.get(names[index], "")
        taken.add(field)
        columns.append(Column(index, header.strip(), samples[:3], field))
    if not taken & _NAMED and not any(headers):
        columns = _with_a_name(columns)
    columns = _employers(columns, names)
    return _second_choices(columns, names, _telling(rows, len(headers)))


Rows = Iterable[Sequence[str]]


def over_all(columns: Sequence[Column], rows: Callable[[], Rows]) -> list[Column]:
    """With what only all rows together tell. `rows` reads them anew, once for each column that needs it."""
    heads = _heads(rows(), len(columns))
    return [_seen_whole(column, heads[column.index], rows) for column in columns]


def _heads(rows: Rows, width: int) -> list[list[str]]:
    """The first cells of each column, read no further than a sample of rows."""
    found: list[list[str]] = [[] for _ in range(width)]
    for row in islice(rows, HEAD_ROWS):
        for index, cell in enumerate(row[:width]):
            if len(found[index]) < SAMPLE and (text := cell.strip()):
                found[index].append(text)
    return found


def _seen_whole(column: Column, head: Sequence[str], rows: Callable[[], Rows]) -> Column:
    def cells() -> Iterator[str]:
        return (cell for row in rows() if column.index < len(row) and (cell := row[column.index].strip()))

    order = order_of(cells()) if holds_short_dates(head) else ""
    persons = column.persons or (column.suggested == "display_name" and mostly_persons(cells()))
    if column.suggested == "external.domain" and not _each_once(cells()):
        return replace(column, suggested="", date_order=order)  # several share one: it is nobody's key
    return replace(column, date_order=order, persons=persons)


def _each_once(cells: Iterator[str]) -> bool:
    seen: set[str] = set()
    for cell in map(str.casefold, cells):
        if cell in seen:
            return False
        seen.add(cell)
    return True


def _with_a_name(columns: Sequence[Column]) -> list[Column]:
    """Without headers the first column of different words is what the records are called."""
    named = next((c for c in columns if not c.suggested and c.samples and all(map(_worded, c.samples))), None)
    return [replace(c, suggested="display_name") if c is named else c for c in columns]


def _worded(sample: str) -> bool:
    return sum(char.isalpha() for char in sample) > len(sample) / 2 and "@" not in sample


def _employers(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """Beside a person's name, that of a company is where they work; it names the rows without a person."""
    called = next((c for c in columns if c.suggested == "display_name"), None)
    employer = next((c for c in columns if _is_employer(c, names[c.index])), None)
    if employer is None or called is None:
        return [*columns]
    changed: dict[int, Column] = {}
    if called is not employer and not says_organization(called.header):
        changed[called.index] = replace(called, persons=True)
        changed[employer.index] = replace(employer, suggested="organization_name")
    elif called is employer and {"given_name", "family_name"} & {column.suggested for column in columns}:
        changed[employer.index] = replace(employer, suggested="organization_name")
    return [changed.get(column.index, column) for column in columns]


def says_organization(header: str) -> bool:
    """Whether what stands under it is called an organisation."""
    return _EMPLOYER.search(plain_header(header)) is not None


def _is_employer(column: Column, name: str) -> bool:
    free = column.suggested in ("display_name", "")
    return free and BY_NAME.get(name) == "display_name" and says_organization(name)


def _telling(rows: Sequence[Sequence[str]], width: int) -> set[int]:
    """Columns whose values mostly tell rows apart, as names do and `cellular` does not."""
    found = set()
    for index in range(width):
        cells = [cell for row in rows if index < len(row) and (cell := values.clean(row[index]))]
        if len(set(cells)) >= _MOST_ALIKE * max(1, len(rows)):
            found.add(index)
    return found


def _second_choices(columns: Sequence[Column], names: Sequence[str], telling: set[int]) -> list[Column]:
    """What a name stands for only because of the columns beside it."""
    found = list(columns)
    given = {column.suggested for column in found}

    def put(field: str, fits: Callable[[Column, str], bool]) -> None:
        nonlocal given
        index = next((i for i, column in enumerate(found) if fits(column, names[i])), None)
        if index is not None:
            found[index] = replace(found[index], suggested=field)
            given = {column.suggested for column in found}

    if "family_name" in given and "given_name" not in given:
        put(
            "given_name",
            lambda column, name: name in languages.GIVEN_BESIDE_FAMILY and column.suggested == "display_name",
        )
    if "family_name" not in given and languages.GIVEN & {*names}:
        put(
            "family_name",
            lambda column, name: name in languages.FAMILY_BESIDE_GIVEN and column.suggested == "display_name",
        )
    if given & _NAMED == {"given_name", "family_name"}:
        put("display_name", lambda column, name: name == "contact name" and not column.suggested)
    if not given & _NAMED:
        put(
            "display_name",
            lambda column, name: name in SECOND_NAMES and not column.suggested and column.index in telling,
        )
    if "external" not in given and given & _NAMED == {"display_name"}:
        put("external", lambda column, name: name in EMPLOYER_KEYS and not column.suggested)
    ours = any("." in column.header and known_field(column.header.strip()) for column in found)
    if (
        not ours
        and "address.region" not in given
        and given & {"address.city", "address.postal_code", "address.lines"}
    ):
        put("address.region", lambda column, name: name == "region" and column.suggested == "region")
    return found


def _field_of(header: str, plain: str, samples: Sequence[str]) -> str:
    if "." in header and known_field(header.strip()):
        return header.strip()  # a file of our own
    field = BY_NAME.get(plain, "") or GLUED.get(plain, "") or _one_of_several(plain) or _literal(header)
    if field == "display_name" and samples and all(map(_NUMBER.match, samples)):
        return "external"  # `Account` over numbers
    if field in ("email", "") and _share(_EMAIL, samples) >= _MOST:
        return "email" if field == "email" or not plain or "mail" in plain or "邮" in plain else ""
    if not plain and _share(_MOBILE, samples) >= _MOST:
        return "phone.mobile"
    if plain in _PHONES and max(_share(_PHONE, samples), _share(_MOBILE, samples)) >= _MOST:
        return _PHONES[plain]
    if field in _PICKED and not _mostly_readable(_PICKED[field], samples):
        return ""
    return field


def _literal(header: str) -> str:
    return header.strip() if known_field(header.strip()) else ""


def _one_of_several(plain: str) -> str:
    """`phone 2 value`, `business phone 2`, `address 1 city`, `电话2`: one more of what a customer has several of."""
    name = " ".join(re.sub(r"\d+", " ", plain.removesuffix(" value").removesuffix(" of address")).split())
    placeless = " ".join(PLACES.sub(" ", name).split())
    bare = GLUED_PLACE.sub("", placeless)
    part = bare.removeprefix("address ")
    spellings = {name, placeless, bare, part, GLUED_PLACE.sub("", plain)} - {plain}
    if name.endswith((" company", " name")):
        return ""  # who lives there
    for spelt in sorted(spellings, key=len, reverse=True):
        field = BY_NAME.get(spelt, "") or GLUED.get(spelt, "")
        if field.partition(".")[0] in ("phone", "email", "address"):
            return field
    return "address.region" if part == "region" != placeless else ""


def _mostly_readable(read: Callable[[str], object], samples: Sequence[str]) -> bool:
    def readable(sample: str) -> bool:
        try:
            clean = values.clean(sample)
            if clean and clean.casefold() not in values.NO_ANSWER:
                read(clean)
        except ValueError:
            return False
        return True

    return not samples or sum(map(readable, samples)) / len(samples) >= _MOST


def _share(pattern: re.Pattern[str], samples: Sequence[str]) -> float:
    return sum(1 for sample in samples if pattern.match(sample)) / len(samples) if samples else 0.0


def known_field(field: str) -> bool:
    """A field path that rows can be written to: one of FIELDS, a labelled phone or e-mail, `external.<system>`, `custom.<key>`."""
    head, dot, rest = field.partition(".")
    if not dot or field in FIELDS:
        return field in FIELDS
    if head == "address":
        number, _, part = rest.partition(".")
        return number in "2345" and len(number) == 1 and f"address.{part}" in FIELDS
    if head == "custom":
        return _CUSTOM_KEY.match(rest) is not None
    return head in ("phone", "email", "external") and 0 < len(rest) <= 40


def mapping_problems(fields: Sequence[str]) -> list[tuple[int, str]]:
    """Index of the column and what is wrong with its field; index -1 for the mapping as a whole."""
    problems = [(i, "unknown field") for i, field in enumerate(fields) if field and not known_field(field)]
    seen: set[str] = set()
    for i, field in enumerate(fields):
        if field in seen and field in _SINGLE:
            problems.append((i, "another column is mapped to this field"))
        seen.add(field)
    named = seen & {"display_name", "given_name", "family_name"}
    if not named and not any(
        field.partition(".")[0] in ("phone", "email", "tax_number", "external") for field in seen
    ):
        problems.append((-1, "map a column to a name or an identifier"))
    return problems
