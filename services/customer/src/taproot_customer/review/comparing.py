"""Whole blocks compared, in a process of its own: bytes in, findings out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from taproot_customer.matching.score import Match, all_outcomes, bits, compare_traits
from taproot_customer.matching.traits import Traits
from taproot_customer.matching.weights import DEFAULT

Block = Sequence[tuple[bytes, bytes]]
"""Customers that share a key: id and packed traits."""
Chances = Mapping[tuple[str, str], float]
"""Share of strangers by field and outcome."""

_STRIDES = (1, 3, 7, 17, 31, 61, 127, 251)
_LEAST_SEEN = 10
_LEAST_SAMPLE = 500
_SHARED = frozenset({"given name", "family name", "e-mail domain", "street", "postal code", "city", "region"})
"""What strangers may have in common; the rest is nobody's but one's own, and agrees where it is the same customer."""


@dataclass(frozen=True, slots=True)
class Finding:
    left: bytes
    """The lesser of the two ids."""
    right: bytes
    score: float
    contradicted: bool
    evidence: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Standard:
    """What one search compares by; the same for all its pages."""

    review_from: float
    population: int
    chances: Chances


def compare_blocks(blocks: Sequence[Block], standard: Standard) -> tuple[int, list[Finding]]:
    """The number of pairs compared, and those from `review_from` on; each pair of the blocks once."""
    model = DEFAULT.among(standard.population).seeing(standard.chances)
    floor = bits(standard.review_from)
    known: dict[bytes, Traits] = {}
    for block in blocks:
        for key, packed in block:
            if key not in known:
                known[key] = Traits.unpack(packed)
    pairs = set(_pairs(blocks))
    found = []
    for left, right in pairs:
        match = compare_traits(known[left], known[right], model, floor)
        if match.score >= standard.review_from:
            found.append(_finding(left, right, match))
    return len(pairs), sorted(found, key=lambda one: (one.left, one.right))


def _pairs(blocks: Sequence[Block]) -> Iterator[tuple[bytes, bytes]]:
    for block in blocks:
        yield from combinations(sorted({key for key, _ in block}), 2)


def _finding(left: bytes, right: bytes, match: Match) -> Finding:
    evidence = tuple((one.field, one.outcome, round(one.weight, 2)) for one in match.evidence)
    return Finding(left, right, round(match.score, 6), match.contradicted, evidence)


def measure_chances(sample: Sequence[bytes]) -> dict[tuple[str, str], float]:
    """How often fields agree among strangers: pairs taken at random from a sample are hardly ever the same."""
    seen: Counter[tuple[str, str]] = Counter()
    compared: Counter[str] = Counter()
    everybody = [Traits.unpack(packed) for packed in sample] if len(sample) >= _LEAST_SAMPLE else []
    for kind in (True, False):
        crowd = [one for one in everybody if one.organization is kind]
        for stride in _STRIDES:
            for left, right in zip(crowd, crowd[stride:], strict=False):
                found = all_outcomes(left, right)
                seen.update(found)
                compared.update(name for name, _ in found)
    return {
        one: count / compared[one[0]]
        for one, count in seen.items()
        if one[0] in _SHARED and count >= _LEAST_SEEN and DEFAULT.weights[one[0]][one[1]] > 0
    }
