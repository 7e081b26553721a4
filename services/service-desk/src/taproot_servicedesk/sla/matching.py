"""Which policies promise what for a ticket. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from taproot_servicedesk.sla.clock import Promise


@dataclass(frozen=True)
class Step:
    """One step of an escalation chain: when after the breach, and what changes."""

    after: timedelta
    owner_id: UUID | None = None
    queue_id: UUID | None = None
    priority: str = ""


@dataclass(frozen=True)
class Target:
    metric: str
    target: timedelta
    warning_percent: int = 80
    steps: tuple[Step, ...] = ()

    @property
    def promise(self) -> Promise:
        after = tuple(step.after for step in self.steps)
        return Promise(self.target, self.warning_percent, after)


@dataclass(frozen=True)
class PolicyRule:
    """Empty sets fit everything."""

    id: UUID
    rank: int
    targets: tuple[Target, ...]
    kinds: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    value_classes: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    calendar_id: UUID | None = None
    runs_while_waiting: bool = False


@dataclass(frozen=True)
class TicketFacts:
    kind: str
    priority: str
    value_class: str = ""
    categories: frozenset[str] = field(default_factory=frozenset)


def fits(rule: PolicyRule, facts: TicketFacts) -> bool:
    return (
        (not rule.kinds or facts.kind in rule.kinds)
        and (not rule.priorities or facts.priority in rule.priorities)
        and (not rule.value_classes or facts.value_class in rule.value_classes)
        and (not rule.categories or not rule.categories.isdisjoint(facts.categories))
    )


def promises_for(facts: TicketFacts, rules: Iterable[PolicyRule]) -> Mapping[str, tuple[PolicyRule, Target]]:
    """For each metric the target of the first fitting rule by rank, then id."""
    found: dict[str, tuple[PolicyRule, Target]] = {}
    for rule in sorted(rules, key=lambda rule: (rule.rank, rule.id)):
        if fits(rule, facts):
            for target in rule.targets:
                found.setdefault(target.metric, (rule, target))
    return found
