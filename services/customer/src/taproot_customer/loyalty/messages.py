"""Rules and changes of classes between protobuf and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taproot.customer.v1 import loyalty_class_pb2 as pb
from taproot_base.errors import InvalidArgument
from taproot_customer.analysis.messages import check_cuts
from taproot_customer.loyalty.handlers import SETTABLE
from taproot_records.mapping import message_of

_CLASS = ("code", "display_name", "least_value", "most_value", "least_loyalty", "most_loyalty")
_CUTS = ("recency_days", "frequency", "monetary")


def rules_message(row: Mapping[str, Any]) -> pb.LoyaltyClassRules:
    return message_of(pb.LoyaltyClassRules, dict(row))


def change_message(row: Any) -> pb.LoyaltyClassChange:
    return message_of(pb.LoyaltyClassChange, row)


def rules_values(message: pb.LoyaltyClassRules, names: Sequence[str]) -> dict[str, Any]:
    """Columns of the fields that change. Raises InvalidArgument for cuts that do not rise."""
    if wrong := check_cuts(message.cuts, "loyalty_class_rules.cuts"):
        raise InvalidArgument(wrong)
    values: dict[str, Any] = {
        "active": message.active,
        "classes": [{name: getattr(one, name) for name in _CLASS} for one in message.classes],
        "cuts": {name: list(getattr(message.cuts, name)) for name in _CUTS},
        "currency_code": message.currency_code,
        "window_days": message.window_days,
    }
    return {name: values[name] for name in SETTABLE if name in names}
