"""What insights are of. Light: the processes that compute load it."""

from __future__ import annotations

from taproot_base.errors import AppError

RFM, LIFETIME_VALUE, ABC = "rfm", "lifetime_value", "abc"
COHORTS, FUNNEL, AFFINITY = "cohorts", "funnel", "affinity"
BY_MONEY = frozenset({RFM, LIFETIME_VALUE, ABC})


class TooFewPurchases(AppError):
    """A model has nothing to learn from."""

    reason = "TOO_FEW_PURCHASES"
