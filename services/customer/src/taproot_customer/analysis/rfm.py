"""Recency, frequency and monetary value: scores of 1 to 5, and the names of their combinations. Pure.

Equal figures get equal scores, whatever the order of the customers: a score by rank says what part of the customers
has a strictly worse figure. Where many share the worst figure, as with customers who bought once, all of them score 1
and some scores in the middle stay empty. Cuts given by the caller do not depend on the other customers at all.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from taproot_customer.analysis.figures import Buyer, Score

SCORES = 5
# By recency score, then frequency score, both from 1: the usual ten names.
_MATRIX = {
    1: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    4: ("promising", "potential_loyalist", "potential_loyalist", "loyal", "loyal"),
    5: ("new", "potential_loyalist", "potential_loyalist", "champion", "champion"),
}


@dataclass(frozen=True)
class RfmCuts:
    """Four rising bounds each, or none for quintiles. A figure on a bound belongs to the better side."""

    recency_days: tuple[int, ...] = ()
    frequency: tuple[int, ...] = ()
    monetary: tuple[Decimal, ...] = ()


def rfm(buyers: Sequence[Buyer], day: dt.date, cuts: RfmCuts) -> list[Score]:
    """`day`: the day recency is counted back from; no purchase is later."""
    recency = [-(day - buyer.last).days for buyer in buyers]
    of_recency = scores(recency, tuple(-cut for cut in reversed(cuts.recency_days)))
    of_frequency = scores([buyer.count for buyer in buyers], cuts.frequency)
    of_monetary = scores([buyer.amount for buyer in buyers], cuts.monetary)
    return [
        Score(buyer, group_name(r, f), -days, r, f, m)
        for buyer, days, r, f, m in zip(buyers, recency, of_recency, of_frequency, of_monetary, strict=True)
    ]


def scores(figures: Sequence[Any], cuts: Sequence[Any] = ()) -> list[int]:
    """More is better."""
    if cuts:
        return [1 + bisect_right(cuts, figure) for figure in figures]
    ranked = sorted(figures)
    return [1 + SCORES * bisect_left(ranked, figure) // len(ranked) for figure in figures]


def group_name(recency: int, frequency: int) -> str:
    return _MATRIX[recency][frequency - 1]


GROUPS = tuple(sorted({name for row in _MATRIX.values() for name in row}))
