"""Address cards (vCard 2.1, 3.0, 4.0) as a table: one row a card, one column for each thing cards say.

Cards in the wild name no encoding, fold lines by three rules and nest; nothing here refuses a card for that.
"""

from __future__ import annotations

import codecs
import quopri
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from taproot_customer.imports.encoding import detect_encoding, resolve_encoding

_BEGIN = re.compile(rb"^(?:\xef\xbb\xbf)?\s*BEGIN:VCARD\s*$", re.IGNORECASE | re.MULTILINE)
_PROPERTY = re.compile(r'^((?:[^":]|"[^"]*")*):(.*)$', re.DOTALL)
_PARAMETER = re.compile(r';((?:[^";]|"[^"]*")*)')
_CHARSET = re.compile(r"CHARSET=\"?([\w.-]+)")
_PARTS = re.compile(r"(?<!\\);")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME = ("family name", "given name", "middle name")
_ADDRESS = ("post office box", "extended address", "street", "city", "state", "postal code", "country")
_TEXTS = {
    "FN": "name", "BDAY": "birthday", "NOTE": "note", "TITLE": "job title", "KIND": "kind", "UID": "card id",
    "URL": "web site", "NICKNAME": "nickname", "CATEGORIES": "categories", "LANG": "language", "TZ": "time zone",
}  # fmt: skip
_FIRST = (
    "name", "family name", "given name", "company name", "phone", "mobile", "fax", "email", "street", "city", "state",
    "postal code", "country", "birthday", "note",
)  # fmt: skip


@dataclass(frozen=True)
class _Property:
    name: str
    parameters: str
    """In capitals, each after a semicolon."""
    value: str

    def is_of(self, *types: str) -> bool:
        return any(re.search(rf"\b{kind}\b", self.parameters) for kind in types)


def holds_cards(head: bytes) -> bool:
    return bool(_BEGIN.search(head) or _BEGIN.search(head.replace(b"\0", b"")))


def card_rows(content: bytes) -> Iterator[list[str]]:
    """The header, then a row for each card."""
    cards = list(_cards(content))
    met = dict.fromkeys(column for card in cards for column in card)
    columns = [*_FIRST, *sorted(met.keys() - set(_FIRST))]
    yield columns
    for card in cards:
        yield [card.get(column, "") for column in columns]


def _cards(content: bytes) -> Iterator[dict[str, str]]:
    """A card within a card, such as an assistant's, is passed over; one cut off by the end of the file counts."""
    card: dict[str, str] = {}
    counts: Counter[str] = Counter()
    depth = 0
    for found in _properties(content):
        if found.name == "BEGIN" and found.value.strip().upper() == "VCARD":
            depth += 1
            if depth == 1:
                card, counts = {}, Counter()
        elif found.name == "END" and depth:
            depth -= 1
            if depth == 0:
                yield card
        elif depth == 1:
            _take(card, counts, found)
    if depth:
        yield card


def _properties(content: bytes) -> Iterator[_Property]:
    encoding = resolve_encoding(detect_encoding(content), content[:4])
    text = content[encoding.skip :].decode(encoding.name, "surrogateescape")
    lines = iter(re.split(r"\r\n|\r|\n", re.sub(r"(?:\r\n|\r|\n)[ \t]", "", text)))
    for line in lines:
        found = _PROPERTY.match(line)
        if found is None:
            continue
        head, value = found.groups()
        parameters = "".join(f";{p}" for p in _PARAMETER.findall(head)).upper()
        if "QUOTED-PRINTABLE" in parameters:
            while value.endswith("="):  # its own way to fold
                value = value[:-1] + next(lines, "")
        name = head.partition(";")[0].rpartition(".")[2].strip().upper()
        yield _Property(name, parameters, _decoded(parameters, value, encoding.name))


def _decoded(parameters: str, value: str, encoding: str) -> str:
    """The text in the character set the property names; what names none is guessed."""
    raw = value.encode(encoding, "surrogateescape")
    if "QUOTED-PRINTABLE" in parameters:
        raw = quopri.decodestring(value.encode("utf-8", "surrogateescape"))
    elif "CHARSET" not in parameters:
        return value.encode("utf-8", "replace").decode()
    named = _CHARSET.search(parameters)
    try:
        return raw.decode(codecs.lookup(named[1]).name if named else detect_encoding(raw), "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _take(card: dict[str, str], counts: Counter[str], found: _Property) -> None:
    parts = [_plain(part) for part in _PARTS.split(found.value)]
    if found.name == "N":
        card.update({name: part for name, part in zip(_NAME, parts, strict=False) if part})
    elif found.name == "ADR":
        _put_all(card, _numbered(counts, "address"), zip(_ADDRESS, parts, strict=False))
    elif found.name == "ORG":
        _put(card, counts, "company name", parts[0])
    elif found.name == "TEL":
        _put(card, counts, _phone_column(found), parts[0].removeprefix("tel:"))
    elif found.name == "EMAIL":
        _put(card, counts, "home email" if found.is_of("HOME") else "email", parts[0])
    elif found.name in _TEXTS:
        _put(card, counts, _TEXTS[found.name], _plain(found.value))


def _phone_column(found: _Property) -> str:
    if found.is_of("CELL"):
        return "mobile"
    if found.is_of("FAX"):
        return "fax"
    if found.is_of("PAGER"):
        return "pager"
    return "home phone" if found.is_of("HOME") else "phone"


def _put(card: dict[str, str], counts: Counter[str], column: str, value: str) -> None:
    if value:
        card[f"{column}{_numbered(counts, column)}"] = value


def _put_all(card: dict[str, str], number: str, parts: Iterator[tuple[str, str]]) -> None:
    card.update({f"{column}{number}": part for column, part in parts if part})


def _numbered(counts: Counter[str], column: str) -> str:
    counts[column] += 1
    return f" {counts[column]}" if counts[column] > 1 else ""


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text).strip()
