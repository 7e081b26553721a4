"""The filter language of SCIM (RFC 7644, 3.4.2.2): parsed here, run over JSON here and over SQL in `queries.py`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from taproot_gateway.scim.errors import InvalidFilter

MOST_CHARACTERS = 4000
_DEEPEST = 20
OPERATORS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
_TOKEN = re.compile(r'\s*(?:([()\[\]])|("(?:[^"\\]|\\.)*")|([^\s()\[\]"]+))')
_NAME = re.compile(r"[a-z$][\w$-]*(\.[a-z$][\w$-]*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Compare:
    """`path` is in lower case and without the name of a schema. `operator` may also be `pr`, with no value."""

    path: str
    operator: str
    value: Any = None


@dataclass(frozen=True)
class Not:
    part: Filter


@dataclass(frozen=True)
class Both:
    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Either:
    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Within:
    """`emails[type eq "work"]`: one and the same value of a list fits."""

    path: str
    part: Filter


Filter: TypeAlias = Compare | Not | Both | Either | Within


def parse(text: str) -> Filter:
    """Raises InvalidFilter."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidFilter(f"a filter has at most {MOST_CHARACTERS} characters")
    reader = _Reader(list(_tokens(text)))
    found = reader.either(0)
    if reader.peek() is not None:
        raise InvalidFilter(f"did not expect {reader.peek()}")
    return found


def path_of(text: str) -> str:
    """`urn:ietf:params:scim:schemas:core:2.0:User:name.givenName` -> `name.givenname`."""
    path = text.rpartition(":")[2].lower()
    if not _NAME.fullmatch(path):
        raise InvalidFilter(f"{text} is no attribute")
    return path


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if token is None or (expected and token.lower() != expected):
            raise InvalidFilter(f"expected {expected or 'more'}")
        self._at += 1
        return token

    def either(self, depth: int) -> Filter:
        return self._joined("or", self.both, Either, depth)

    def both(self, depth: int) -> Filter:
        return self._joined("and", self.one, Both, depth)

    def _joined(self, word: str, read: Any, join: Any, depth: int) -> Filter:
        if depth > _DEEPEST:
            raise InvalidFilter("the filter is nested too deeply")
        parts = [read(depth)]
        while (self.peek() or "").lower() == word:
            self.take()
            parts.append(read(depth))
        found: Filter = parts[0] if len(parts) == 1 else join(tuple(parts))
        return found

    def one(self, depth: int) -> Filter:
        token = self.take()
        if token.lower() == "not" and self.peek() == "(":
            self.take("(")
            return Not(self._closed(")", depth))
        if token == "(":  # noqa: S105 - a bracket
            return self._closed(")", depth)
        path = path_of(token)
        if self.peek() == "[":
            self.take("[")
            return Within(path, self._closed("]", depth))
        operator = self.take().lower()
        if operator == "pr":
            return Compare(path, "pr")
        if operator not in OPERATORS:
            raise InvalidFilter(f"{operator} is no operator")
        return Compare(path, operator, _value(self.take()))

    def _closed(self, bracket: str, depth: int) -> Filter:
        found = self.either(depth + 1)
        self.take(bracket)
        return found


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InvalidFilter(f"cannot be read from {text[at : at + 20]!r} on")
        at = match.end()
        yield match.group(1) or match.group(2) or match.group(3)


def _value(token: str) -> Any:
    try:
        value = json.loads(token if token.startswith('"') else token.lower())
    except ValueError:
        raise InvalidFilter(f"{token} is no value; texts stand in double quotes") from None
    if isinstance(value, list | dict):
        raise InvalidFilter("a value is a text, a number, a boolean or null")
    return value


def fits(found: Filter, value: Any) -> bool:
    """Whether one JSON value (an item of a list, or a whole resource) fits."""
    match found:
        case Both(parts):
            return all(fits(part, value) for part in parts)
        case Either(parts):
            return any(fits(part, value) for part in parts)
        case Not(part):
            return not fits(part, value)
        case Within(path, part):
            inner = _read(value, path)
            return any(fits(part, item) for item in (inner if isinstance(inner, list) else [inner]) if item)
        case Compare(path, operator, wanted):
            held = _read(value, path)
            return any(
                _compare(one, operator, wanted) for one in (held if isinstance(held, list) else [held])
            )


def _read(value: Any, path: str) -> Any:
    for name in path.split("."):
        if isinstance(value, list):
            value = [_read(item, name) for item in value]
        elif isinstance(value, dict):
            value = next((one for key, one in value.items() if key.lower() == name), None)
        elif name != "value":
            return None
    return value


def _compare(held: Any, operator: str, wanted: Any) -> bool:
    if operator == "pr":
        return held not in (None, "", [], {})
    if isinstance(held, str) and isinstance(wanted, str):
        held, wanted = held.casefold(), wanted.casefold()
        texts = {"co": wanted in held, "sw": held.startswith(wanted), "ew": held.endswith(wanted)}
        if operator in texts:
            return bool(texts[operator])
    if operator in ("eq", "ne"):
        return bool((held == wanted) == (operator == "eq"))
    try:
        orders = {"gt": held > wanted, "ge": held >= wanted, "lt": held < wanted, "le": held <= wanted}
    except TypeError:
        return False
    return bool(orders.get(operator, False))
