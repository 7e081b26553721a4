"""Partial answers: `fields=customers(id,display_name),next_page_token`, or the same with dots.

A thin link then carries what a page shows, not whole records. Names are checked against the contract, so that a
misspelt one is told instead of leaving an empty answer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_plus

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from taproot_gateway.transcoding.contracts import is_map
from taproot_gateway.transcoding.query import find_field

PARAMETER = "fields"
MAX_TEXT = 2_000
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[.,()])")
_DEEPEST = 12

_FREE: Final = "free"
"""Below a map or a free JSON value: anything goes."""
_LEAF: Final = "leaf"
Place = Descriptor | str
Tree = dict[str, Any]
"""Field name -> the tree below it; empty: the field as a whole."""


class InvalidSelection(ValueError):
    """Says for the caller what is wrong with `fields`."""


def take_fields(query: str) -> tuple[str, str]:
    """The value of `fields` and the query without it."""
    kept, fields = [], []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == PARAMETER:
            fields.append(unquote_plus(value))
        else:
            kept.append(pair)
    return ",".join(fields), "&".join(kept)


@lru_cache(maxsize=2048)
def compile_selection(descriptor: Descriptor, text: str) -> Tree:
    """Raises InvalidSelection."""
    if len(text) > MAX_TEXT:
        raise InvalidSelection(f"must be at most {MAX_TEXT} characters")
    tokens = _tokens(text)
    tree: Tree = {}
    end = _list(tokens, 0, descriptor, tree, 0)
    if end != len(tokens):
        raise InvalidSelection(f"cannot be read from {tokens[end]!r} on")
    return tree


def select(value: Any, tree: Tree) -> Any:
    """What of a JSON value the tree names."""
    if isinstance(value, list):
        return [select(one, tree) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: select(value[name], below) if below else value[name]
        for name, below in tree.items()
        if name in value
    }


def _tokens(text: str) -> list[str]:
    found, position, text = [], 0, text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidSelection(f"cannot be read at {text[position : position + 20]!r}")
        found.append(match.group(1))
        position = match.end()
    return found


def _list(tokens: list[str], at: int, inside: Place, tree: Tree, depth: int) -> int:
    """Reads `a,b(c),d.e` into the tree; the index behind it."""
    while True:
        at = _item(tokens, at, inside, tree, depth)
        if at >= len(tokens) or tokens[at] != ",":
            return at
        at += 1


def _item(tokens: list[str], at: int, inside: Place, tree: Tree, depth: int) -> int:
    if at >= len(tokens) or tokens[at] in ".,()":
        raise InvalidSelection("lacks a name")
    if depth > _DEEPEST:
        raise InvalidSelection("is nested too deeply")
    name, below = _named(tokens[at], inside)
    whole = tree.get(name) == {}
    branch: Tree = {} if whole else tree.setdefault(name, {})
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    if following == ".":
        return _item(tokens, at + 2, below, branch, depth + 1)
    if following != "(":
        branch.clear()  # named as a whole: what was picked out of it before is in it
        return at + 1
    end = _list(tokens, at + 2, below, branch, depth + 1)
    if end >= len(tokens) or tokens[end] != ")":
        raise InvalidSelection("lacks a )")
    return end + 1


def _named(name: str, inside: Place) -> tuple[str, Place]:
    """The contract's name, and what is below it."""
    if isinstance(inside, str):
        if inside == _LEAF:
            raise InvalidSelection(f"has no field {name} there: the value is no record")
        return name, _FREE
    field = find_field(inside, name)
    if field is None:
        raise InvalidSelection(f"{inside.name} has no field {name}")
    return field.name, _below(field)


def _below(field: FieldDescriptor) -> Place:
    if field.message_type is None:
        return _LEAF
    free = is_map(field) or field.message_type.full_name.startswith("google.protobuf.")
    return _FREE if free else field.message_type
