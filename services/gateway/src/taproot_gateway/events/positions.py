"""How far a listener has read: one number for each stream, as text in `Last-Event-ID`.

The numbers are JetStream's own, the same for every gateway: a listener goes on at any of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Positions = dict[str, int]

_PART = re.compile(r"([a-z]{1,20})\.(0|[1-9][0-9]{0,17})\Z")
_MOST_PARTS = 20


class BadPosition(ValueError):
    """Not an id this server gave out."""


def to_text(positions: Mapping[str, int]) -> str:
    """`customer.12-sales.7`."""
    return "-".join(f"{source}.{number}" for source, number in positions.items())


def from_text(text: str) -> Positions:
    """Raises BadPosition."""
    found: Positions = {}
    for part in text.split("-")[: _MOST_PARTS + 1]:
        match = _PART.match(part)
        if match is None or match[1] in found or len(found) >= _MOST_PARTS:
            raise BadPosition(text[:100])
        found[match[1]] = int(match[2])
    return found
