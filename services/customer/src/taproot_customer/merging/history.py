"""What a survivor is once a record is taken out of it again. Pure.

A survivor's history is a row of merges; between them and after the last, people write to it. Taking a record out
plays the history again without it: each merge anew among the records left, and on top what was written since.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from taproot_customer.merging.survivorship import SINGLE, UNITED, Record, item_key, one_primary, survive

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Merged:
    """One merge. `sources`: the records still in it; `before` and `after`: the survivor's fields."""

    id: uuid.UUID
    survivor_time: dt.datetime
    before: Fields
    after: Fields
    choices: Mapping[str, str]
    sources: tuple[Record, ...]


def without(
    survivor_id: str, merges: Sequence[Merged], source_id: str, current: Fields
) -> tuple[list[Merged], Fields]:
    """The merges as they would have been without the source, and the survivor's fields now.

    `merges`: all into this survivor from the one that took the source in, in their order.
    """
    fields, last = merges[0].before, None
    rewritten: list[Merged] = []
    for merge in merges:
        before = fields if last is None else rebased(merge.before, last.after, fields)
        sources = tuple(record for record in merge.sources if record.id != source_id)
        known = {survivor_id, *(record.id for record in sources)}
        choices = {name: key for name, key in merge.choices.items() if key in known}
        survivor = Record(survivor_id, merge.survivor_time, before)
        fields, last = survive(survivor, sources, choices).fields, merge
        rewritten.append(replace(merge, before=before, after=fields, choices=choices, sources=sources))
    assert last is not None
    return rewritten, rebased(current, last.after, fields)


def rebased(current: Fields, base: Fields, target: Fields) -> dict[str, Any]:
    """`target` with what was written between `base` and `current`."""
    result: dict[str, Any] = {}
    for name in (*SINGLE, "key_account"):
        written = (current[name] or None) != (base[name] or None)
        result[name] = current[name] if written else target[name]
    for name in UNITED:
        result[name] = _items(name, current[name], base[name], target[name])
    result["identifiers"] = one_primary(result["identifiers"])
    result["custom"] = _keys(current["custom"], base["custom"], target["custom"])
    return result


def _items(name: str, current: Sequence[Any], base: Sequence[Any], target: Sequence[Any]) -> list[Any]:
    """What was added stays, what was taken away stays away; what only the source had brought goes with it."""
    now, then = ({item_key(name, item): item for item in items} for items in (current, base))
    kept = []
    for item in target:
        key = item_key(name, item)
        if key in now:
            kept.append(item if now[key] == then.get(key) else now[key])
        elif key not in then:
            kept.append(item)
    there = {item_key(name, item) for item in target}
    return kept + [item for key, item in now.items() if key not in then and key not in there]


def _keys(current: Fields, base: Fields, target: Fields) -> dict[str, Any]:
    result = {}
    for key in {**target, **current}:
        source = target if current.get(key) == base.get(key) else current
        if key in source:
            result[key] = source[key]
    return result
