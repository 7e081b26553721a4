"""What the caller may learn from words about the page: texts must not tell what its fields hide."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from taproot.customer.v1 import profile_pb2 as pb
from taproot.type.v1.money_pb2 import Money
from taproot_base.masking import masked_fields

HIDDEN = "***"


@dataclass(frozen=True)
class Sight:
    """`activities`, `orders`: whether the caller reads the figures counted over them."""

    now: dt.datetime
    today: dt.date
    masked: frozenset[str] = frozenset()
    activities: bool = True
    orders: bool = True

    def hides(self, message: Any, name: str) -> bool:
        return name in masked_fields(message.DESCRIPTOR, self.masked)

    def text(self, message: Any, name: str) -> str:
        """A text or an amount, or stars in its place."""
        if self.hides(message, name):
            return HIDDEN
        value = getattr(message, name)
        return f"{value.amount} {value.currency_code}".strip() if isinstance(value, Money) else str(value)

    def dates_of_care(self, profile: pb.CustomerProfile) -> list[pb.ProfileCareDate]:
        """None where dates are hidden: days left would tell them."""
        return [one for one in profile.care_dates if not self.hides(one, "date")]
