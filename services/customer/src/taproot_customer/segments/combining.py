"""Segments made of segments: who belongs, in which order they are decided, and that none is made of itself. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

UNION, INTERSECTION, DIFFERENCE = "union", "intersection", "difference"
LEAST = 2
"""Operands: of one there is nothing to combine."""
Operands = Mapping[uuid.UUID, Sequence[uuid.UUID]]
"""Combined segment -> what it is made of."""


def belongs(operator: str, operands: Sequence[uuid.UUID], inside: Collection[uuid.UUID]) -> bool:
    """Whether who is in the segments `inside` is in the combination."""
    held = [key in inside for key in operands]
    if operator == UNION:
        return any(held)
    if operator == INTERSECTION:
        return all(held)
    return held[0] and not any(held[1:])


def in_order(segments: Sequence[Any]) -> list[Any]:
    """Rows with `id` and `operand_ids`: operands first."""
    by_key = {segment["id"]: segment for segment in segments}
    graph = {segment["id"]: segment["operand_ids"] for segment in segments}
    return [by_key[key] for key in TopologicalSorter(graph).static_order() if key in by_key]


def users(key: uuid.UUID, operands: Operands) -> set[uuid.UUID]:
    """All that are made of the segment, directly or by others."""
    found: set[uuid.UUID] = set()
    fresh = {key}
    while fresh:
        fresh = {user for user, parts in operands.items() if not fresh.isdisjoint(parts)} - found
        found |= fresh
    return found


def way_back(key: uuid.UUID, operands: Operands) -> list[uuid.UUID]:
    """The path from a segment through its operands to itself, both ends included; empty: there is none."""
    came: dict[uuid.UUID, uuid.UUID] = {}
    waiting = [key]
    while waiting:
        at = waiting.pop()
        for part in operands.get(at, ()):
            if part == key:
                return _walked(at, key, came)
            if part not in came:
                came[part] = at
                waiting.append(part)
    return []


def _walked(last: uuid.UUID, key: uuid.UUID, came: Mapping[uuid.UUID, uuid.UUID]) -> list[uuid.UUID]:
    path = [last]
    while path[-1] != key:
        path.append(came[path[-1]])
    return [*reversed(path), key]
