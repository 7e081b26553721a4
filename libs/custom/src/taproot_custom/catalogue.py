"""All definitions a process knows, and what they say of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from taproot_base.context import current_call_or_none
from taproot_base.errors import Violation
from taproot_base.text import search_tokens
from taproot_custom import fields
from taproot_custom.specs import TEXTS, Spec
from taproot_custom.values import from_text, stored_value
from taproot_listing.fields import Resource

NOBODY: Mapping[str, Spec] = {}


class Catalogue:
    """Never changes: a newer one takes its place. `generation` counts the changes of definitions in the database.

    A type of record for which nothing was ever defined is open: it takes any key. The first definition closes it.
    """

    def __init__(self, specs: Iterable[Spec] = (), generation: int = 0) -> None:
        self.generation = generation
        self._by_type: dict[str, dict[str, Spec]] = {}
        for spec in specs:
            self._by_type.setdefault(spec.resource_type, {})[spec.key] = spec
        self._listed: dict[Resource, Resource] = {}

    def of(self, resource: str) -> Mapping[str, Spec]:
        """Key -> definition, retired ones included."""
        return self._by_type.get(resource, NOBODY)

    @cached_property
    def types(self) -> frozenset[str]:
        return frozenset(self._by_type)

    @cached_property
    def _by_list_name(self) -> Mapping[str, str]:
        """Some lists are named without underscores."""
        return {kind.replace("_", ""): kind for kind in self._by_type}

    # What `taproot_base.custom.CustomRules` promises.

    def checked(
        self, resource: str, values: Mapping[str, Any], path: str
    ) -> tuple[dict[str, Any], list[Violation]]:
        """Of what the suite writes by itself, what fits no definition stays as it is and counts as absent."""
        specs, found, wrong = self.of(resource), dict(values), list[Violation]()
        if not specs:
            return found, wrong
        for key, value in values.items():
            try:
                found[key] = _checked(specs.get(key), value)
            except ValueError as error:
                wrong.append(Violation(f"{path}.{key}", str(error)))
        return found, wrong if _is_demanding() else []

    def missing(self, resource: str, present: Iterable[str], path: str) -> list[Violation]:
        have = set(present)
        if not _is_demanding():
            return []
        return [
            Violation(f"{path}.{spec.key}", "is required")
            for spec in self.of(resource).values()
            if spec.required and not spec.retired and not spec.default_value and spec.key not in have
        ]

    def completed(self, resource: str, values: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {
            spec.key: from_text(spec, spec.default_value)
            for spec in self.of(resource).values()
            if spec.default_value and not spec.retired and spec.key not in values
        }
        return defaults | dict(values)

    def listed(self, resource: Resource) -> Resource:
        if resource not in self._listed:
            kind = self._by_list_name.get(resource.name.replace("_", ""))
            self._listed[resource] = resource if kind is None else fields.with_custom(resource, self.of(kind))
        return self._listed[resource]

    def hidden(self, resource: str, masked: frozenset[str]) -> frozenset[str]:
        return frozenset(
            spec.key
            for spec in self.of(resource).values()
            if spec.sensitivity in masked or f"{resource}.custom.{spec.key}" in masked
        )

    def tokens(self, resource: str, values: Mapping[str, Any]) -> list[str]:
        """What a text search is to find of a record's own fields."""
        texts = [
            str(values[spec.key])
            for spec in self.of(resource).values()
            if spec.searchable and not spec.retired and spec.type in TEXTS and spec.key in values
        ]
        return search_tokens(*texts) if texts else []

    def misfits(self, resource: str, values: Mapping[str, Any]) -> list[Violation]:
        """What is wrong with stored values; keys nobody defined or that are retired are none of it."""
        live = {key: spec for key, spec in self.of(resource).items() if not spec.retired}
        given = {key: value for key, value in values.items() if key in live}
        return self.checked(resource, given, f"{resource}.custom")[1]


def _checked(spec: Spec | None, value: Any) -> Any:
    if spec is None:
        raise ValueError("is not defined")
    if value is None:
        if spec.required and not spec.retired:
            raise ValueError("is required and cannot be taken away")
        return None
    if spec.retired:
        raise ValueError("is retired")
    return stored_value(spec, value)


def _is_demanding() -> bool:
    """Rules are for people and their programs: an event that happened cannot be sent back."""
    call = current_call_or_none()
    return call is not None and call.principal.kind != "service"


def known() -> Catalogue:
    """What the process of the current call knows; nothing where there is none."""
    call = current_call_or_none()
    found: Any = None if call is None else call.directory.custom
    return found if isinstance(found, Catalogue) else Catalogue()


def specs_of(resource: str) -> tuple[Spec, ...]:
    return tuple(known().of(resource).values())
