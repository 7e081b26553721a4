"""Path templates of `google.api.http` and the tree that finds the route of a request path.

Syntax: https://github.com/googleapis/googleapis/blob/master/google/api/http.proto
A variable of one segment matches `[^/:]+`; only the last segment may carry a custom verb after a colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")

_TOKEN = re.compile(r"\{([a-z0-9_.]+)(?:=([^{}]+))?\}")
_ONE, _REST = "*", "**"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Variable:
    field: str
    first: int
    """Index of its first segment."""
    count: int
    """Segments it spans; 0: all that are left."""


@dataclass(frozen=True, slots=True)
class Template:
    text: str
    segments: tuple[str, ...]
    variables: tuple[Variable, ...]
    verb: str

    def values(self, segments: list[str]) -> dict[str, str]:
        return {one.field: self._value(one, segments) for one in self.variables}

    def _value(self, variable: Variable, segments: list[str]) -> str:
        end = variable.first + variable.count if variable.count else len(segments)
        return "/".join(unquote(part) for part in segments[variable.first : end])


def parse(text: str) -> Template:
    """Raises ValueError when the template is not understood."""
    verb = ""
    head, colon, tail = text.rpartition(":")
    if colon and "/" not in tail and "}" not in tail:
        text_path, verb = head, tail
    else:
        text_path = text
    segments: list[str] = []
    variables: list[Variable] = []
    for part in _split(text_path):
        match = _TOKEN.fullmatch(part)
        if match is None:
            segments.append(part)
            continue
        inner = (match.group(2) or _ONE).split("/")
        variables.append(Variable(match.group(1), len(segments), 0 if _REST in inner else len(inner)))
        segments.extend(inner)
    _check(text, segments)
    return Template(text, tuple(segments), tuple(variables), verb)


def _split(path: str) -> Iterator[str]:
    """Splits at slashes outside braces."""
    depth, start = 0, 1
    for index, char in enumerate(path):
        depth += (char == "{") - (char == "}")
        if char == "/" and depth == 0 and index >= start:
            yield path[start:index]
            start = index + 1
    yield path[start:]


def _check(text: str, segments: list[str]) -> None:
    if not text.startswith("/") or any(not part or set("{}:") & set(part) for part in segments):
        raise ValueError(f"path template {text!r} is not understood")
    if _REST in segments[:-1]:
        raise ValueError(f"path template {text!r}: ** must be the last segment")


@dataclass(slots=True)
class _Node(Generic[T]):
    children: dict[str, _Node[T]] = field(default_factory=dict)
    targets: dict[str, dict[str, tuple[Template, T]]] = field(default_factory=dict)
    """Custom verb -> HTTP method -> target."""


class Tree(Generic[T]):
    """Literal segments win over variables; the search goes back where a literal leads nowhere."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, template: Template, target: T) -> None:
        node = self._root
        for segment in template.segments:
            node = node.children.setdefault(segment, _Node())
        methods = node.targets.setdefault(template.verb, {})
        if method in methods:
            raise ValueError(f"{method} {template.text} is bound twice")
        methods[method] = (template, target)

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """The target of a raw (still percent-encoded) path and the values of its variables."""
        segments, verb = _cut(path)
        found = _search(self._root, segments, 0, verb, method)
        return None if found is None else (found[1], found[0].values(segments))

    def methods(self, path: str) -> list[str]:
        """HTTP methods that have a target under this path: empty where nothing has."""
        segments, verb = _cut(path)
        return sorted(method for method in METHODS if _search(self._root, segments, 0, verb, method))


def _cut(path: str) -> tuple[list[str], str]:
    segments = path[1:].split("/")
    segments[-1], _, verb = segments[-1].partition(":")
    return segments, verb


def _search(
    node: _Node[T], segments: list[str], index: int, verb: str, method: str
) -> tuple[Template, T] | None:
    if index == len(segments):
        targets = node.targets.get(verb)
        return targets.get(method) if targets else None
    segment = segments[index]
    for key in (segment, _ONE):
        child = node.children.get(key)
        if child is not None and segment and ":" not in segment:
            found = _search(child, segments, index + 1, verb, method)
            if found is not None:
                return found
    rest = node.children.get(_REST)
    targets = rest.targets.get(verb) if rest is not None else None
    return targets.get(method) if targets else None
