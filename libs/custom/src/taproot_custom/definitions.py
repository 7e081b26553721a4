"""Is a definition itself sound? Every fault at once, by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from taproot_base.errors import Violation
from taproot_custom import patterns
from taproot_custom.specs import CHOICES, NUMBERS, TEXTS, TIMES, TYPES, UNIQUE, Spec
from taproot_custom.values import from_text, stored_value

_SCALED = frozenset({"decimal", "money"})
_MEASURED = TEXTS | {"multi_enum"}


def faults(spec: Spec, path: str) -> list[Violation]:
    """`path`: where the definition stands in the request."""
    if spec.type not in TYPES:
        return [Violation(f"{path}.type", "say what the field holds")]
    return [Violation(f"{path}.{name}", text) for name, text in _faults(spec)]


def _faults(spec: Spec) -> Iterator[tuple[str, str]]:
    yield from _fit(spec)
    yield from _choices(spec)
    if spec.pattern and spec.type in TEXTS and (text := patterns.problem(spec.pattern)):
        yield "pattern", text
    yield from _range(spec)
    longest = replace(spec, max_length=0).limit
    if spec.type in _MEASURED and max(spec.max_length, spec.min_length) > longest:
        yield "max_length", f"is more than the {longest} of the type"
    elif spec.min_length > spec.limit:
        yield "min_length", "is more than max_length"


def _fit(spec: Spec) -> Iterator[tuple[str, str]]:
    """What is said of a type that has no such thing."""
    kind = spec.type
    for name, said, kinds in (
        ("scale", spec.scale, _SCALED),
        ("minimum", spec.minimum, NUMBERS | TIMES),
        ("maximum", spec.maximum, NUMBERS | TIMES),
        ("min_length", spec.min_length, _MEASURED),
        ("max_length", spec.max_length, _MEASURED),
        ("pattern", spec.pattern, TEXTS - {"long_text", "url"}),
        ("options", spec.options, CHOICES),
        ("reference_type", spec.reference_type, frozenset({"reference"})),
        ("unique", spec.unique, UNIQUE),
        ("searchable", spec.searchable, TEXTS),
        ("filterable", spec.filterable, TYPES - {"long_text"}),
    ):
        if said and kind not in kinds:
            yield name, f"is not for the type {kind}"


def _choices(spec: Spec) -> Iterator[tuple[str, str]]:
    keys = [option.key for option in spec.options]
    if spec.type in CHOICES and not keys:
        yield "options", "an enum needs values"
    for number, key in enumerate(keys):
        if not key:
            yield f"options[{number}].key", "is empty"
        elif key in keys[:number]:
            yield f"options[{number}].key", "is there twice"
    if spec.type == "reference" and not spec.reference_type:
        yield "reference_type", "say what it refers to"


def _range(spec: Spec) -> Iterator[tuple[str, str]]:
    bare = replace(spec, minimum="", maximum="", pattern="", min_length=0, max_length=0)
    ends = list[Any]()
    for name in ("minimum", "maximum"):
        text = getattr(spec, name)
        if text and spec.type in NUMBERS | TIMES:
            try:
                ends.append(_bound(bare, text))
            except ValueError as error:
                yield name, str(error)
    if len(ends) == 2 and ends[0] > ends[1]:
        yield "maximum", "is less than the minimum"
    if spec.default_value and len(ends) == bool(spec.minimum) + bool(spec.maximum):
        yield from _default(spec)


def _bound(bare: Spec, text: str) -> Any:
    if bare.type in TIMES:
        instant = datetime.fromisoformat(stored_value(bare, text))
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return float(stored_value(replace(bare, type="decimal" if bare.type == "money" else bare.type), text))


def _default(spec: Spec) -> Iterator[tuple[str, str]]:
    if spec.unique:
        yield "default_value", "a unique field has none"
    elif not spec.pattern or not patterns.problem(spec.pattern):
        try:
            from_text(spec, spec.default_value)
        except ValueError as error:
            yield "default_value", str(error)
