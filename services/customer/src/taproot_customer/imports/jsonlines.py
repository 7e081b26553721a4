"""JSON lines, or one JSON array, of objects as a table: one column for each key, nested ones with dots."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from taproot_customer.imports.encoding import detect_encoding, resolve_encoding

DAMAGED = "json that cannot be read"


def holds_objects(head: bytes) -> bool:
    encoding = resolve_encoding(detect_encoding(head), head[:4])
    text = head[encoding.skip :].decode(encoding.name, "replace").lstrip()
    return text.startswith('{"') or (text.startswith("[") and text[1:].lstrip().startswith("{"))


def object_rows(content: bytes) -> Iterator[list[str]]:
    """The header, then a row for each object. A line that is no object stands in a column of its own."""
    encoding = resolve_encoding(detect_encoding(content), content[:4])
    text = content[encoding.skip :].decode(encoding.name, "replace")
    columns = dict.fromkeys(column for one in _objects(text) for column in one)
    yield list(columns)
    for one in _objects(text):
        yield [one.get(column, "") for column in columns]


def _objects(text: str) -> Iterator[dict[str, str]]:
    if text.lstrip().startswith("["):
        yield from (_flat(one) for one in _array(text))
        return
    for line in text.split("\n"):
        if line.strip():
            try:
                yield _flat(json.loads(line, parse_float=str))
            except ValueError:
                yield {DAMAGED: line.strip()}


def _array(text: str) -> list[Any]:
    try:
        found: list[Any] = json.loads(text, parse_float=str)
    except ValueError:
        return [None]
    return found


def _flat(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {DAMAGED: _text(value)}
    flat: dict[str, str] = {}
    for key, inner in value.items():
        for below, text in _members(inner):
            flat[f"{key}.{below}" if below else key] = text
    return flat


def _members(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from _flat(value).items()
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for number, one in enumerate(value, 1):
            for below, text in _members(one):
                yield (f"{number}.{below}" if below else str(number)), text
    elif isinstance(value, list):
        yield "", "; ".join(map(_text, value))
    else:
        yield "", _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
