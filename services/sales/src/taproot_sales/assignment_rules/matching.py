"""Who gets a lead: the first rule that fits, in it the user with the fewest open leads. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Rule:
    id: UUID
    priority: int
    branch_id: UUID
    regions: tuple[str, ...] = ()
    product_interests: tuple[str, ...] = ()
    product_ids: tuple[UUID, ...] = ()
    sources: tuple[str, ...] = ()
    user_ids: tuple[UUID, ...] = ()
    max_open_leads: int = 0


@dataclass(frozen=True)
class Wanted:
    """What of a lead decides who gets it."""

    region: str = ""
    product_interest: str = ""
    product_id: UUID | None = None
    source: str = ""


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def fits(rule: Rule, lead: Wanted) -> bool:
    return (
        _one_of(rule.regions, lead.region)
        and _one_of(rule.sources, lead.source)
        and (not rule.product_ids or lead.product_id in rule.product_ids)
        and _mentions(rule.product_interests, lead.product_interest)
    )


def _one_of(allowed: tuple[str, ...], value: str) -> bool:
    return not allowed or folded(value) in {folded(name) for name in allowed}


def _mentions(words: tuple[str, ...], text: str) -> bool:
    return not words or any(folded(word) in folded(text) for word in words)


def fitting_rules(rules: Iterable[Rule], lead: Wanted) -> list[Rule]:
    """Rules that fit, best first; of the same priority the older one (keys grow with time)."""
    return sorted((rule for rule in rules if fits(rule, lead)), key=lambda rule: (rule.priority, rule.id))


def least_loaded(
    rule: Rule, open_leads: Mapping[UUID, int], unavailable: frozenset[UUID] = frozenset()
) -> UUID | None:
    """The user of the rule with the fewest open leads, on a tie the first named; None when none may take more."""
    free = [
        (open_leads.get(user, 0), position, user)
        for position, user in enumerate(rule.user_ids)
        if user not in unavailable
        and (rule.max_open_leads == 0 or open_leads.get(user, 0) < rule.max_open_leads)
    ]
    return min(free)[2] if free else None
