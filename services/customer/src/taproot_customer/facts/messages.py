"""The figures as a message."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from taproot.customer.v1 import customer_facts_pb2 as pb
from taproot_base import wire
from taproot_customer.facts.fields import FIELDS, PERMISSIONS, ROOT
from taproot_storage.reads import unread

_MONEY = frozenset({"revenue_90_days", "revenue_365_days", "lifetime_revenue", "open_opportunity_amount"})


def to_message(row: Any, home_currency: str) -> pb.CustomerFacts:
    """From a row with the fields' labels; without what the caller may not read."""
    facts = pb.CustomerFacts()
    denied = unread(frozenset(PERMISSIONS.values()), "customers.read")
    for field in FIELDS:
        name, value = field.name.removeprefix(f"{ROOT}."), row[field.name]
        if field.permission not in denied and value is not None:
            _put(facts, name, value, home_currency)
    return facts


def _put(facts: Any, name: str, value: Any, home: str) -> None:
    if name.endswith("_by_currency"):
        for code, amount in sorted(value.items()):
            getattr(facts, name).append(_money(Decimal(amount), code.upper()))
    elif name in _MONEY:
        getattr(facts, name).CopyFrom(_money(value, home))
    elif name.endswith("_time"):
        getattr(facts, name).FromDatetime(value)
    else:
        setattr(facts, name, format(value, "f") if isinstance(value, Decimal) else value)


def _money(amount: Decimal, currency: str) -> Any:
    return wire.to_money(amount, currency)
