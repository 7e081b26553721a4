"""Whole blocks compared, in a process of its own: bytes in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

from taproot_customer.matching.score import Match, compare_traits
from taproot_customer.matching.traits import Traits
from taproot_customer.matching.weights import DEFAULT, Model

Block = Sequence[tuple[bytes, bytes]]
"""Customers that share a key: id and packed traits."""


@dataclass(frozen=True, slots=True)
class Finding:
    left: bytes
    """The lesser of the two ids."""
    right: bytes
    score: float
    contradicted: bool
    evidence: tuple[tuple[str, str, float], ...]


def compare_blocks(blocks: Sequence[Block], review_from: float, population: int) -> tuple[int, list[Finding]]:
    """The number of pairs compared, and those from `review_from` on; each pair of the blocks once."""
    model = _model(population)
    known: dict[bytes, Traits] = {}
    for block in blocks:
        for key, packed in block:
            if key not in known:
                known[key] = Traits.unpack(packed)
    pairs = set(_pairs(blocks))
    found = []
    for left, right in pairs:
        match = compare_traits(known[left], known[right], model)
        if match.score >= review_from:
            found.append(_finding(left, right, match))
    return len(pairs), sorted(found, key=lambda one: (one.left, one.right))


def _pairs(blocks: Sequence[Block]) -> Iterator[tuple[bytes, bytes]]:
    for block in blocks:
        yield from combinations(sorted({key for key, _ in block}), 2)


def _finding(left: bytes, right: bytes, match: Match) -> Finding:
    evidence = tuple((one.field, one.outcome, round(one.weight, 2)) for one in match.evidence)
    return Finding(left, right, round(match.score, 6), match.contradicted, evidence)


@lru_cache(maxsize=4)
def _model(population: int) -> Model:
    return replace(DEFAULT.among(population))
