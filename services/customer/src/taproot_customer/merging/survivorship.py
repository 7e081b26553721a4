"""Which value survives when records are merged. Pure: records in, record and origins out.

A named choice wins. Otherwise single values are the survivor's, or else the newest that is present;
identifiers, addresses and tags are united, the survivor's first; custom fields survive key by key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SINGLE = (
    "display_name", "given_name", "family_name", "birth_date", "status", "value_class", "industry", "region", "source",
    "language_code", "time_zone", "parent_id", "note",
)  # fmt: skip
UNITED = ("identifiers", "addresses", "tags")
CHOOSABLE = frozenset((*SINGLE, *UNITED, "custom", "key_account"))

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    id: str
    update_time: dt.datetime
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Survived:
    fields: dict[str, Any]
    origins: dict[str, str]
    """Field -> id of the record its value came from; absent where nobody had one or values were united."""


class UnknownChoice(ValueError):
    """A choice names a field that cannot be chosen or a record that is not merged."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


def survive(survivor: Record, sources: Sequence[Record], choices: Mapping[str, str]) -> Survived:
    """Merged fields. Does not depend on the order of `sources`. Raises UnknownChoice."""
    ordered = [survivor, *sorted(sources, key=lambda r: (-r.update_time.timestamp(), r.id))]
    by_id = {record.id: record for record in ordered}
    _check(choices, by_id)
    fields: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in SINGLE:
        found = _first(name, [by_id[choices[name]]] if name in choices else ordered)
        fields[name] = found.fields.get(name) if found else None
        if found:
            origins[name] = found.id
    for name in UNITED:
        chosen = [by_id[choices[name]]] if name in choices else ordered
        fields[name] = united(name, [record.fields.get(name) or [] for record in chosen])
    fields["custom"] = _custom([by_id[choices["custom"]]] if "custom" in choices else ordered, origins)
    keyed = [by_id[choices["key_account"]]] if "key_account" in choices else ordered
    fields["key_account"] = any(record.fields.get("key_account") for record in keyed)
    return Survived(fields, origins)


def _check(choices: Mapping[str, str], by_id: Mapping[str, Record]) -> None:
    for field, record_id in choices.items():
        if field not in CHOOSABLE:
            raise UnknownChoice(field, "this field cannot be chosen")
        if record_id not in by_id:
            raise UnknownChoice(field, "the record is not one of those merged")


def _first(name: str, records: Iterable[Record]) -> Record | None:
    return next((record for record in records if record.fields.get(name) not in (None, "")), None)


def _custom(records: Sequence[Record], origins: dict[str, str]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for record in records:
        for key, value in (record.fields.get("custom") or {}).items():
            if value is not None and key not in merged:
                merged[key] = value
                origins[f"custom.{key}"] = record.id
    return merged


def united(name: str, groups: Sequence[Sequence[Any]]) -> list[Any]:
    """Items of a list field, each once, those of the first group first."""
    seen: set[Hashable] = set()
    result: list[Any] = []
    for item in (item for group in groups for item in group):
        key = item_key(name, item)
        if key not in seen:
            seen.add(key)
            result.append(item)
    return one_primary(result) if name == "identifiers" else result


def item_key(name: str, item: Any) -> Hashable:
    if name == "identifiers":
        return (item["kind"], item.get("normal") or str(item["value"]).casefold().replace(" ", ""))
    if name == "addresses":
        lines = tuple(str(line).casefold().strip() for line in item.get("lines") or ())
        return (
            lines,
            *(str(item.get(part) or "").casefold().strip() for part in ("city", "postal_code", "country")),
        )
    return str(item)


def one_primary(identifiers: Sequence[Item]) -> list[dict[str, Any]]:
    """The first primary of each kind stays it; the survivor's come first."""
    taken: set[str] = set()
    result = []
    for item in identifiers:
        primary = bool(item.get("primary")) and item["kind"] not in taken
        if primary:
            taken.add(item["kind"])
        result.append({**item, "primary": primary})
    return result
