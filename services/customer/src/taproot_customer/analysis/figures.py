"""What analyses count with and answer with. Plain values: they go to another process and back."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal

RATE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer's purchases up to the day of an analysis.

    `repeat_days`: days with a purchase after the first such day. `repeat_amount`: what was bought on them.
    """

    id: uuid.UUID
    first: dt.date
    last: dt.date
    count: int
    amount: Decimal
    repeat_days: int = 0
    repeat_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Score:
    """One customer's result: what an analysis does not compute is None."""

    buyer: Buyer
    group: str
    recency_days: int
    recency_score: int | None = None
    frequency_score: int | None = None
    monetary_score: int | None = None
    alive_probability: Decimal | None = None
    churn_probability: Decimal | None = None
    expected_purchases: Decimal | None = None
    lifetime_value: Decimal | None = None
    share: Decimal | None = None
    cumulative_share: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table of results; what `row` and `column` are depends on the analysis."""

    row: str
    column: str = ""
    customer_count: int = 0
    order_count: int = 0
    share: Decimal | None = None
    confidence: Decimal | None = None
    lift: Decimal | None = None
    amount: Decimal | None = None


def rate(part: Decimal | float, whole: Decimal | float = 1) -> Decimal:
    """A share, exact to 6 decimals."""
    return (Decimal(part) / Decimal(whole)).quantize(RATE)


def groups_of(scores: list[Score]) -> list[Cell]:
    """How many customers and how much money are in each group, the groups by name."""
    found: dict[str, list[Score]] = {}
    for score in scores:
        found.setdefault(score.group, []).append(score)
    return [
        Cell(
            row=name,
            customer_count=len(inside),
            order_count=sum(one.buyer.count for one in inside),
            share=rate(len(inside), len(scores)),
            amount=sum((one.buyer.amount for one in inside), Decimal(0)),
        )
        for name, inside in sorted(found.items())
    ]
