"""From figures to results, away from the loop that serves calls. Pure; everything can go to another process."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from taproot_customer.analysis import lifetime
from taproot_customer.analysis.affinity import Basket, affinity
from taproot_customer.analysis.concentration import abc
from taproot_customer.analysis.figures import Buyer, Cell, Score, groups_of, rate
from taproot_customer.analysis.kinds import ABC, RFM, TooFewPurchases
from taproot_customer.analysis.rfm import RfmCuts, rfm

LEAST = 10
WEEK = 7.0
MONTH = 365.25 / 12 / WEEK
LOW_RISK, MEDIUM_RISK = Decimal("0.35"), Decimal("0.65")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Outcome:
    scores: list[Score] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    model: Mapping[str, Any] = field(default_factory=dict)


def of_buyers(kind: str, buyers: Sequence[Buyer], day: dt.date, options: Mapping[str, Any]) -> Outcome:
    """`options`: those of the kind, as the contract names them; what is absent has its default."""
    model: Mapping[str, Any] = {}
    if kind == RFM:
        scores = rfm(buyers, day, cuts_of(options))
    elif kind == ABC:
        shares = (options.get("a_share") or "0.8", options.get("b_share") or "0.95")
        scores = abc(buyers, day, *map(Decimal, shares))
    else:
        scores, model = _lifetimes(buyers, day, options)
    return Outcome(scores, groups_of(scores), model)


def cuts_of(options: Mapping[str, Any]) -> RfmCuts:
    return RfmCuts(
        tuple(options.get("recency_days", ())),
        tuple(options.get("frequency", ())),
        tuple(map(Decimal, options.get("monetary", ()))),
    )


def of_baskets(baskets: Sequence[Basket], options: Mapping[str, Any]) -> Outcome:
    least, most = options.get("least_baskets") or 2, options.get("most_pairs") or 1000
    return Outcome(cells=affinity(baskets, least, most))


def history_of(buyer: Buyer, day: dt.date) -> lifetime.History:
    since = (buyer.last - buyer.first).days / WEEK
    return buyer.repeat_days, since, (day - buyer.first).days / WEEK


def mean_value(buyer: Buyer) -> float:
    """Of the repeat purchases; 0 when they came to nothing."""
    return max(float(buyer.repeat_amount / buyer.repeat_days), 0.0) if buyer.repeat_days else 0.0


def _lifetimes(
    buyers: Sequence[Buyer], day: dt.date, options: Mapping[str, Any]
) -> tuple[list[Score], Mapping[str, Any]]:
    values = Counter((b.repeat_days, mean_value(b)) for b in buyers if mean_value(b) > 0)
    if values.total() < LEAST:
        raise TooFewPurchases(f"fewer than {LEAST} customers have bought on two days or more")
    purchases, found = lifetime.fit_purchases(Counter(history_of(buyer, day) for buyer in buyers))
    money, of_money = lifetime.fit_values(values)
    horizon = _Horizon(options)
    usual = sum(z * n for (_, z), n in values.items()) / values.total()
    scores = [_looked_ahead(buyer, day, purchases, money, horizon, usual) for buyer in buyers]
    converged = found.converged and of_money.converged
    shown = {name: f"{value:.6f}" for name, value in {**vars(purchases), **vars(money)}.items()}
    likely = purchases.log_likelihood(Counter(history_of(buyer, day) for buyer in buyers))
    return scores, {**shown, "log_likelihood": f"{likely:.4f}", "converged": converged}


class _Horizon:
    """Ends of the months ahead in weeks, and what money is worth in the month before each."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        weeks = (options.get("horizon_days") or 365) / WEEK
        discount = 1 + float(options.get("annual_discount_rate") or "0.1")
        whole = int(weeks / MONTH)
        ends = [MONTH * n for n in range(1, whole + 1)]
        self.ends = ends if ends and weeks - ends[-1] < 1e-9 else [*ends, weeks]
        self.worth = [discount ** (-n / 12) for n in range(1, len(self.ends) + 1)]


def _looked_ahead(
    buyer: Buyer,
    day: dt.date,
    purchases: lifetime.BgNbd,
    money: lifetime.GammaGamma,
    horizon: _Horizon,
    usual: float,
) -> Score:
    history = history_of(buyer, day)
    mean = mean_value(buyer)
    value = money.expected(buyer.repeat_days if mean else 0, mean or usual)
    expected = [purchases.expected(history, end) for end in horizon.ends]
    steps = [after - before for before, after in zip([0.0, *expected], expected, strict=False)]
    worth = value * sum(step * share for step, share in zip(steps, horizon.worth, strict=True))
    alive = rate(Decimal(purchases.alive(history)))
    return Score(
        buyer,
        _risk(1 - alive),
        (day - buyer.last).days,
        alive_probability=alive,
        churn_probability=1 - alive,
        expected_purchases=rate(Decimal(expected[-1])),
        lifetime_value=Decimal(worth).quantize(_CENT),
    )


def _risk(churn: Decimal) -> str:
    if churn < LOW_RISK:
        return "low"
    return "medium" if churn < MEDIUM_RISK else "high"
