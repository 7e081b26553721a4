"""The kinds of suggestions: which thresholds each takes, and the rules an enterprise begins with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from taproot.customer.v1 import suggestion_rule_pb2 as pb

PREFIX = "SUGGESTION_KIND_"
FEWEST = 2
COMPLAINT, PROMISE, INVOICE, EXPIRING = "open_complaint", "overdue_promise", "overdue_invoice", "expiring"
SURVEY, QUOTE, CLOSING = "low_survey", "unanswered_quote", "closing_opportunity"
BIRTHDAY, DECIDER, SILENCE = "birthday", "no_decision_maker", "long_silence"
CONSENT, CREDIT, CROSS_SELL = "no_consent", "unused_credit", "cross_sell"


@dataclass(frozen=True)
class Kind:
    """`least_days`: the fewest days that make sense; None: the kind knows no days."""

    priority: int
    days: int = 0
    least_days: int | None = None
    amount: bool = False
    percent: int = 0
    customers: int = 0


KINDS: Mapping[str, Kind] = {
    COMPLAINT: Kind(1),
    PROMISE: Kind(2, least_days=0),
    INVOICE: Kind(2, least_days=0, amount=True),
    EXPIRING: Kind(3, 60, 0),
    SURVEY: Kind(3, 30, 1),
    QUOTE: Kind(4, 7, 1),
    CLOSING: Kind(4, 7, 0),
    BIRTHDAY: Kind(4, 7, 0),
    DECIDER: Kind(5),
    SILENCE: Kind(6, 90, 1),
    CONSENT: Kind(7),
    CREDIT: Kind(8, 90, 1, percent=50),
    CROSS_SELL: Kind(8, 1095, 1, percent=20, customers=10),
}


@dataclass(frozen=True)
class Rule:
    kind: str
    enabled: bool
    priority: int
    days: int = 0
    least_amount: str = ""
    least_percent: int = 0
    least_customers: int = 0

    @property
    def amount(self) -> Decimal:
        return Decimal(self.least_amount or "0")

    @property
    def number(self) -> pb.SuggestionKind.ValueType:
        return pb.SuggestionKind.Value(PREFIX + self.kind.upper())


DEFAULTS: Mapping[str, Rule] = {
    name: Rule(
        name, True, kind.priority, kind.days, least_percent=kind.percent, least_customers=kind.customers
    )
    for name, kind in KINDS.items()
}


def rules_of(stored: Sequence[Mapping[str, Any]] | None) -> dict[str, Rule]:
    """Kind -> rule; of kinds that were never changed the one they begin with."""
    return {**DEFAULTS, **{one["kind"]: Rule(**one) for one in stored or () if one["kind"] in KINDS}}


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    places = {name: place for place, name in enumerate(KINDS)}
    return sorted(rules, key=lambda rule: (rule.priority, places[rule.kind]))


def faults(rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """(path, what is wrong) of rules that make no sense."""
    found = [] if rules else [("rules", "name at least one rule")]
    names = [rule.kind for rule in rules]
    for number, rule in enumerate(rules):
        path = f"rules[{number}]"
        if names.index(rule.kind) < number:
            found.append((f"{path}.kind", "has a rule before"))
        found += [(f"{path}.{name}", why) for name, why in _thresholds(rule)]
    return found


def _thresholds(rule: Rule) -> list[tuple[str, str]]:
    kind, unused = KINDS[rule.kind], "is of no use for this kind"
    found = []
    if kind.least_days is None and rule.days:
        found.append(("days", unused))
    if kind.least_days is not None and rule.days < kind.least_days:
        found.append(("days", f"is at least {kind.least_days} for this kind"))
    if rule.least_amount and not kind.amount:
        found.append(("least_amount", unused))
    if rule.least_percent and not kind.percent:
        found.append(("least_percent", unused))
    if rule.least_customers and not kind.customers:
        found.append(("least_customers", unused))
    if kind.customers and rule.least_customers < FEWEST:
        found.append(("least_customers", f"is at least {FEWEST} for this kind"))
    return found
