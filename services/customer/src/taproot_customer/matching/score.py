"""How likely two records are the same real customer.

Evidence is added up as weights, the base-2 logarithms of likelihood ratios (Fellegi and Sunter 1969):
positive where an agreement is rarer among different customers than among the same, negative for contradictions.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from taproot_customer.matching.names import (
    company_similarity,
    fold,
    jaro_winkler,
    person_similarity,
    words_similarity,
)

SAME = 0.9
"""From this score on two records are treated as the same customer."""
CANDIDATE = 0.5
"""From this score on a person should look at them."""

_PRIOR = -10.0
_NAME_STEPS = ((0.98, 7.0), (0.92, 5.0), (0.85, 3.0), (0.7, 0.0))
_NAME_CONFLICT = -6.0
_ADDRESS_STEPS = ((0.9, 5.0), (0.8, 3.0))
_SINGLE_SLIP = 0.9


@dataclass(frozen=True)
class Identity:
    """What is compared. Identifiers are normal forms; phones without extension; `numbers` as (kind, value)."""

    organization: bool
    name: str = ""
    birth_date: dt.date | None = None
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    numbers: frozenset[tuple[str, str]] = frozenset()
    street: str = ""
    city: str = ""
    postal_code: str = ""


@dataclass(frozen=True)
class Match:
    score: float
    reasons: tuple[str, ...] = field(default=())


def compare(left: Identity, right: Identity) -> Match:
    if left.organization != right.organization:
        return Match(0.0)
    evidence = [
        ("name", _name(left, right)),
        ("birth date", _birth_date(left.birth_date, right.birth_date)),
        ("phone", _sets(left.phones, right.phones, 9.0, -1.0)),
        ("email", _sets(left.emails, right.emails, 10.0, -1.0)),
        ("number", _numbers(left.numbers, right.numbers)),
        ("address", _address(left, right)),
    ]
    weight = _PRIOR + sum(value for _, value in evidence)
    reasons = tuple(name for name, value in evidence if value > 0)
    return Match(1 / (1 + 2.0 ** -max(-60.0, min(60.0, weight))), reasons)


def _name(left: Identity, right: Identity) -> float:
    if not (left.name and right.name):
        return 0.0
    measure = company_similarity if left.organization else person_similarity
    similarity = measure(left.name, right.name)
    bonus = 3.0 if left.organization else 0.0  # companies share names far less often than persons do
    for step, weight in _NAME_STEPS:
        if similarity >= step:
            return weight + (bonus if weight else 0.0)
    return _NAME_CONFLICT


def _birth_date(left: dt.date | None, right: dt.date | None) -> float:
    if left is None or right is None:
        return 0.0
    if left == right:
        return 8.0
    a, b = left.strftime("%Y%m%d"), right.strftime("%Y%m%d")
    slips = sum(x != y for x, y in zip(a, b, strict=True))
    swapped = left.year == right.year and (left.month, left.day) == (right.day, right.month)
    return 4.0 if slips == 1 or swapped else -4.0


def _sets(left: frozenset[str], right: frozenset[str], agree: float, differ: float) -> float:
    if not (left and right):
        return 0.0
    return agree if left & right else differ


def _numbers(left: frozenset[tuple[str, str]], right: frozenset[tuple[str, str]]) -> float:
    if left & right:
        return 25.0
    kinds = {kind for kind, _ in left} & {kind for kind, _ in right}
    if not kinds:
        return 0.0
    near = any(
        jaro_winkler(a, b) >= _SINGLE_SLIP
        for kind_a, a in left
        for kind_b, b in right
        if kind_a == kind_b and len(a) == len(b)
    )
    return 6.0 if near else -5.0


def _address(left: Identity, right: Identity) -> float:
    weight = 0.0
    if left.postal_code and right.postal_code:
        weight += 3.0 if left.postal_code == right.postal_code else -1.0
    elif left.city and right.city:
        weight += 1.0 if fold(left.city) == fold(right.city) else -1.0
    if left.street and right.street:
        similarity = words_similarity(fold(left.street), fold(right.street))
        weight += next((value for step, value in _ADDRESS_STEPS if similarity >= step), -1.0)
    return weight
