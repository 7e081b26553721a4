"""ABC classes: few customers bring most of the money (Pareto). Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from taproot_customer.analysis.figures import Buyer, Score, rate


def abc(buyers: Sequence[Buyer], day: dt.date, a_share: Decimal, b_share: Decimal) -> list[Score]:
    """The most valuable first, equals by id. Whoever begins below `a_share` of the money is A, so there is always one.

    Shares are differences of the rounded cumulative shares, so they add up to 1 exactly. Who brought nothing is C.
    """
    ranked = sorted(buyers, key=lambda buyer: (-buyer.amount, buyer.id))
    total = sum((max(buyer.amount, Decimal(0)) for buyer in ranked), Decimal(0))
    found, spent, before = [], Decimal(0), Decimal(0)
    for buyer in ranked:
        spent += max(buyer.amount, Decimal(0))
        after = rate(spent, total) if total else Decimal(0)
        name = "C" if buyer.amount <= 0 else _class(before, a_share, b_share)
        found.append(
            Score(buyer, name, (day - buyer.last).days, share=after - before, cumulative_share=after)
        )
        before = after
    return found


def _class(before: Decimal, a_share: Decimal, b_share: Decimal) -> str:
    if before < a_share:
        return "A"
    return "B" if before < b_share else "C"
