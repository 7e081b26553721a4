"""How likely two records are the same real customer, and why.

Every field that both records have gives an outcome, every outcome a weight in bits (see `weights`); the sum with
the prior is the log-odds. The explanation is the sum itself: nothing else decides.
"""

from __future__ import annotations

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


def compare_traits(left: Traits, right: Traits, model: Model = DEFAULT) -> Match:
    if left.organization != right.organization:
        return Match(0.0)
    found = _company(left, right) if left.organization else _person(left, right, model)
    found += _common(left, right)
    evidence = [Evidence(name, outcome, model.weights[name][outcome]) for name, outcome in found if outcome]
    _limit(evidence, _PLACE, model.place_limit)
    if ("given name", "different") in found:
        born = ("birth date", "same") in found
        _limit(evidence, _HOUSEHOLD, model.twin_limit if born else model.household_limit)
    weight = model.prior + sum(one.weight for one in evidence)
    contradicted = any(pair in model.vetoes for pair in found)
    return Match(probability(weight), weight, tuple(evidence), contradicted)


def probability(weight: float) -> float:
    return float(1 / (1 + 2.0 ** -max(_WORST, min(_BEST, weight))))


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
    straight = _names(left, right)
    if straight != (("given name", "different"), ("family name", "different")) and "same" in straight[0][1]:
        best: tuple[tuple[str, str], ...] = straight
    else:
        turned = (*_names(left, _turned(right)), ("whole name", "swapped"))
        best = max(straight, turned, key=lambda found: _worth(found, model))
    return [*best, ("birth date", outcomes.birth_outcome(left.birth, right.birth))]


def _names(left: Traits, right: Traits) -> tuple[tuple[str, str], ...]:
    given = outcomes.part_outcome(left.given, left.given_sound, right.given, right.given_sound, given=True)
    family = outcomes.part_outcome(
        left.family, left.family_sound, right.family, right.family_sound, given=False
    )
    return ("given name", given), ("family name", family)


def _turned(traits: Traits) -> Traits:
    return Traits(
        False,
        given=traits.family,
        given_sound=traits.family_sound,
        family=traits.given,
        family_sound=traits.given_sound,
    )


def _worth(found: tuple[tuple[str, str], ...], model: Model) -> float:
    return sum(model.weights[name][outcome] for name, outcome in found if outcome)


def _common(left: Traits, right: Traits) -> list[tuple[str, str]]:
    return [
        ("phone", outcomes.phone_outcome(left.phones, right.phones)),
        ("e-mail", outcomes.email_outcome(left.emails, right.emails)),
        ("number", outcomes.number_outcome(left.numbers, right.numbers)),
        ("street", outcomes.street_outcome(left.words, left.houses, right.words, right.houses)),
        ("postal code", outcomes.postal_outcome(left.postal, right.postal)),
        ("city", outcomes.city_outcome(left.city, right.city)),
        ("region", outcomes.city_outcome(left.region, right.region) and _region(left.region, right.region)),
    ]


def _region(left: str, right: str) -> str:
    return "same" if left == right else "different"
