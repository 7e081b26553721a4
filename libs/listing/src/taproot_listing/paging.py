"""Pages by keyset: the token holds the last row's sort values; the next page is what comes after them."""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import and_, false, literal, or_, tuple_
from sqlalchemy.sql.elements import ColumnElement

from taproot_listing.errors import InvalidPageSize, InvalidPageToken
from taproot_listing.order import OrderTerm

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
MAX_TOKEN_LENGTH = 16_384
_TAG = 16


def page_size_of(requested: int) -> int:
    """0 means the default; more than the cap means the cap."""
    if requested < 0:
        raise InvalidPageSize(["must not be negative"])
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


@dataclass(frozen=True)
class Position:
    """Where a page ended: the sort values of its last row, and the `now()` of the first page."""

    values: tuple[Any, ...]
    now: datetime


class PageTokens:
    """Signs and reads page tokens. The first key signs; all verify, so that keys can be changed."""

    def __init__(self, *keys: bytes, max_age: timedelta = timedelta(days=3)) -> None:
        if not keys or not all(keys):
            raise ValueError("a page token needs a key")
        self._keys = keys
        self._max_age = max_age

    def encode(self, binding: Sequence[str], position: Position) -> str:
        payload = orjson.dumps([position.now.isoformat(), *map(_pack, position.values)])
        signed = _tag(self._keys[0], binding, payload) + payload
        return urlsafe_b64encode(signed).rstrip(b"=").decode()

    def decode(self, binding: Sequence[str], token: str, now: datetime) -> Position:
        """The position, if this very request of this very principal got the token.

        Raises:
            InvalidPageToken: anything else; it never says what differs.
        """
        payload = self._verified(binding, token)
        if payload is None:
            raise InvalidPageToken(["not a token of this list; start again without one"])
        started, *values = orjson.loads(payload)
        first = datetime.fromisoformat(started)
        if now - first > self._max_age:
            raise InvalidPageToken(["expired; start again without a token"])
        return Position(tuple(map(_unpack, values)), first.astimezone(now.tzinfo))

    def _verified(self, binding: Sequence[str], token: str) -> bytes | None:
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            return None
        try:
            signed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        tag, payload = signed[:_TAG], signed[_TAG:]
        known = [hmac.compare_digest(tag, _tag(key, binding, payload)) for key in self._keys]
        return payload if any(known) else None


def _tag(key: bytes, binding: Sequence[str], payload: bytes) -> bytes:
    message = hashlib.sha256(orjson.dumps(list(binding))).digest() + payload
    return hmac.digest(key, message, "sha256")[:_TAG]


_WRITERS: Sequence[tuple[type, str, Callable[[Any], str]]] = (
    (Decimal, "n", str),
    (datetime, "t", datetime.isoformat),
    (date, "d", date.isoformat),
    (UUID, "u", str),
    (int, "i", str),  # as text: JSON readers need not hold 64 bits
)
_READERS: Mapping[str, Callable[[str], Any]] = {
    "n": Decimal,
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "u": UUID,
    "i": int,
}


def _pack(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    for kind, mark, write in _WRITERS:
        if isinstance(value, kind):
            return [mark, write(value)]
    raise TypeError(f"no sort value: {type(value)}")


def _unpack(packed: Any) -> Any:
    return _READERS[packed[0]](packed[1]) if isinstance(packed, list) else packed


def keyset(terms: Sequence[OrderTerm], values: Sequence[Any]) -> list[ColumnElement[bool]]:
    """Disjoint conditions that together are "after `values` in the order of `terms`".

    Rows with a value and rows without one in the first column are two conditions, each one range of an index.
    """
    first, value = terms[0], values[0]
    if value is None:
        return [and_(first.column.is_(None), _chain(terms[1:], values[1:]))]
    after = [_after_value(terms, values)]
    if first.field.optional:
        after.append(first.column.is_(None))
    return after


def _after_value(terms: Sequence[OrderTerm], values: Sequence[Any]) -> ColumnElement[bool]:
    uniform = len({term.descending for term in terms}) == 1
    if uniform and not any(term.field.optional for term in terms[1:]):
        row = tuple_(*(term.column for term in terms))
        last = tuple_(*(literal(v, term.type) for term, v in zip(terms, values, strict=True)))
        return row < last if terms[0].descending else row > last
    first = terms[0]
    bound = literal(values[0], first.type)
    # Redundant, but the one part an index can start from.
    start = first.column <= bound if first.descending else first.column >= bound
    return and_(start, _chain(terms, values))


def _chain(terms: Sequence[OrderTerm], values: Sequence[Any]) -> ColumnElement[bool]:
    steps = []
    for position, (term, value) in enumerate(zip(terms, values, strict=True)):
        ties = [_equal(t, v) for t, v in zip(terms[:position], values[:position], strict=True)]
        steps.append(and_(*ties, _behind(term, value)))
    return or_(*steps)


def _equal(term: OrderTerm, value: Any) -> ColumnElement[bool]:
    return term.column.is_(None) if value is None else term.column == literal(value, term.type)


def _behind(term: OrderTerm, value: Any) -> ColumnElement[bool]:
    if value is None:
        return false()
    bound = literal(value, term.type)
    behind = term.column < bound if term.descending else term.column > bound
    return or_(behind, term.column.is_(None)) if term.field.optional else behind
