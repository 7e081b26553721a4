"""Counts of a tree added up from below. Pure."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence

Counts = Mapping[str, int]


def rolled_up(
    parents: Sequence[tuple[uuid.UUID, uuid.UUID | None]], own: Mapping[uuid.UUID, Counts]
) -> dict[uuid.UUID, Counter[str]]:
    """Totals of each node with all below it. `parents`: node and parent, every parent before its children."""
    totals = {node: Counter(own.get(node, {})) for node, _ in parents}
    for node, parent in reversed(parents):
        if parent in totals and parent is not None:
            totals[parent].update(totals[node])
    return totals
