"""The rules between protobuf and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from taproot.customer.v1 import suggestion_rule_pb2 as pb
from taproot_base import wire
from taproot_customer.suggestions.kinds import KINDS, PREFIX, Rule, in_order, rules_of


def to_message(row: Mapping[str, Any]) -> pb.SuggestionRules:
    rules = [
        pb.SuggestionRule(**{**asdict(rule), "kind": rule.number})
        for rule in in_order(rules_of(row["rules"]).values())
    ]
    return pb.SuggestionRules(
        rules=rules, etag=str(row["version"]), update_time=wire.to_timestamp(row["update_time"])
    )


def to_rules(message: pb.SuggestionRules) -> list[Rule]:
    """Of kinds the contract knows; it refuses the others."""
    named = [(one, _name(one.kind)) for one in message.rules]
    return [
        Rule(
            name,
            one.enabled,
            one.priority,
            one.days,
            one.least_amount,
            one.least_percent,
            one.least_customers,
        )
        for one, name in named
        if name in KINDS
    ]


def _name(number: int) -> str:
    found = pb.SuggestionKind.DESCRIPTOR.values_by_number.get(number)
    return found.name.removeprefix(PREFIX).lower() if found else ""
