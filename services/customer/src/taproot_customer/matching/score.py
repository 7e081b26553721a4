"""How likely two records are the same real customer, and why.

Every field that both records have gives an outcome, every outcome a weight in bits (see `weights`); the sum with
the prior is the log-odds. The explanation is the sum itself: nothing else decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from taproot_customer.matching import outcomes
from taproot_customer.matching.companies import company_outcome
from taproot_customer.matching.traits import Identity, Traits, traits_of
from taproot_customer.matching.weights import DEFAULT, Model

SAME = 0.99
"""From this score on two records are treated as the same customer, unless something contradicts."""
REVIEW = 0.5
"""From this score on a person should look at them."""
CANDIDATE = 0.2
"""From this score on they are shown to who is about to enter one of them."""

_HOUSEHOLD = ("family name", "phone", "street", "postal code", "city")
_PLACE = ("street", "postal code", "city", "region")
_WORST, _BEST = -60.0, 60.0
_MOST_PLACE, _MOST_REACH, _MOST_NUMBER = 18.0, 12.0, 26.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one field says."""

    field: str
    outcome: str
    weight: float
    """Bits: doubles the odds when 1, halves them when -1."""


@dataclass(frozen=True, slots=True)
class Match:
    score: float
    weight: float = _WORST
    evidence: tuple[Evidence, ...] = ()
    contradicted: bool = False
    """Something speaks so clearly against it that only a person may decide."""

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(one.field for one in self.evidence if one.weight > 0)


def compare(left: Identity, right: Identity, model: Model = DEFAULT) -> Match:
    return compare_traits(traits_of(left), traits_of(right), model)


def compare_traits(left: Traits, right: Traits, model: Model = DEFAULT, floor: float = _WORST) -> Match:
    """Below `floor` bits the answer is a bound without evidence: most of what meets in a block is far below."""
    if left.organization != right.organization:
        return Match(0.0)
    found = _company(left, right) if left.organization else _person(left, right, model)
    found = [one for one in found if one[1]]
    weight = model.prior + _worth(found, model)
    if weight + _most(left, right) < floor:
        return Match(0.0)
    rest = [one for one in _common(left, right) if one[1]]
    weight += _worth(rest, model)
    if weight < floor:
        return Match(probability(weight), weight)
    return _weighed(found + rest, model)


def all_outcomes(left: Traits, right: Traits, model: Model = DEFAULT) -> list[tuple[str, str]]:
    """What every field that both have says, as (field, outcome)."""
    if left.organization != right.organization:
        return []
    found = _company(left, right) if left.organization else _person(left, right, model)
    return [one for one in found + _common(left, right) if one[1]]


def _most(left: Traits, right: Traits) -> float:
    """More than the fields besides the names can prove."""
    most = _MOST_PLACE if (left.words or left.city or left.postal) else 0.0
    if left.phones and right.phones:
        most += _MOST_REACH
    if left.emails and right.emails:
        most += _MOST_REACH
    return most + (_MOST_NUMBER if left.numbers and right.numbers else 0.0)


def _weighed(found: list[tuple[str, str]], model: Model) -> Match:
    evidence = [Evidence(name, outcome, model.weights[name][outcome]) for name, outcome in found]
    _limit(evidence, _PLACE, model.place_limit)
    if ("given name", "different") in found:
        born = ("birth date", "same") in found
        _limit(evidence, _HOUSEHOLD, model.twin_limit if born else model.household_limit)
    weight = model.prior + sum(one.weight for one in evidence)
    contradicted = not model.vetoes.isdisjoint(found)
    return Match(probability(weight), weight, tuple(evidence), contradicted)


def probability(weight: float) -> float:
    return float(1 / (1 + 2.0 ** -max(_WORST, min(_BEST, weight))))


def bits(score: float) -> float:
    """The weight that makes a score."""
    return math.log2(score / (1 - score)) if score < 1 else _BEST


def _limit(evidence: list[Evidence], fields: tuple[str, ...], limit: float) -> None:
    """Scale what depends on each other down to what it may prove together."""
    total = sum(one.weight for one in evidence if one.field in fields and one.weight > 0)
    if total > limit:
        for index, one in enumerate(evidence):
            if one.field in fields and one.weight > 0:
                evidence[index] = Evidence(one.field, one.outcome, one.weight * limit / total)


def _company(left: Traits, right: Traits) -> list[tuple[str, str]]:
    return [
        ("company name", company_outcome(left, right)),
        ("e-mail domain", outcomes.domain_outcome(left.emails, right.emails)),
    ]


def _person(left: Traits, right: Traits, model: Model) -> list[tuple[str, str]]:
    best = _names(left, right.given, right.given_sound, right.family, right.family_sound)
    if "same" not in best[0][1] and _may_be_turned(left, right):
        one, other = sorted((left, right), key=lambda traits: (traits.given, traits.family))
        turned = _names(one, other.family, other.family_sound, other.given, other.given_sound)
        turned.append(("whole name", "swapped"))
        best = max(best, turned, key=lambda found: _worth(found, model))
    best.append(("birth date", outcomes.birth_outcome(left.birth, right.birth)))
    return best


def _may_be_turned(left: Traits, right: Traits) -> bool:
    """A look at initials spares most of the comparisons."""
    return (
        left.given_sound[:1] == right.family_sound[:1] != ""
        or left.family_sound[:1] == right.given_sound[:1] != ""
    )


def _names(
    left: Traits, given: str, given_sound: str, family: str, family_sound: str
) -> list[tuple[str, str]]:
    return [
        ("given name", outcomes.part_outcome(left.given, left.given_sound, given, given_sound, given=True)),
        (
            "family name",
            outcomes.part_outcome(left.family, left.family_sound, family, family_sound, given=False),
        ),
    ]


def _worth(found: list[tuple[str, str]], model: Model) -> float:
    weights = model.weights
    return sum(weights[name][outcome] for name, outcome in found if outcome)


def _common(left: Traits, right: Traits) -> list[tuple[str, str]]:
    return [
        ("phone", outcomes.phone_outcome(left.phones, right.phones)),
        ("e-mail", outcomes.email_outcome(left.emails, right.emails)),
        ("number", outcomes.number_outcome(left.numbers, right.numbers)),
        ("street", outcomes.street_outcome(left.words, left.houses, right.words, right.houses)),
        ("postal code", outcomes.postal_outcome(left.postal, right.postal)),
        ("city", outcomes.city_outcome(left.city, right.city)),
        ("region", _region(left.region, right.region)),
    ]


def _region(left: str, right: str) -> str:
    if not (left and right):
        return ""
    return "same" if left == right else "different"
