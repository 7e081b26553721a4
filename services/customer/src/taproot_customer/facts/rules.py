"""The figures of one customer from the records that count, at one instant. Pure.

Windows roll: an order is in the last 90 days until exactly 90 days after it. The figures come with the instant at which
the first of them changes though nothing happens, so that they are counted anew then and not before.

An amount is a sum of one currency, the home currency, or it is not known (None): there are no rates of exchange here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from taproot_customer.facts.items import NPS, OPPORTUNITY, ORDER, POINTS, SURVEY, TICKET

QUARTER, YEAR = timedelta(days=90), timedelta(days=365)
_SIX = Decimal("0.000001")


@dataclass(frozen=True)
class Facts:
    """`values`: columns of `customer_facts`. `next_change`: when they differ without an event; None: never."""

    values: Mapping[str, Any]
    next_change: datetime | None


def count(items: Iterable[Any], last_contact: datetime | None, now: datetime, home: str) -> Facts:
    """`items`: rows of `fact_items` of the customer and of all that were merged into it."""
    found = [item for item in items if item["counts"]]
    orders, deals = _of(found, ORDER), _of(found, OPPORTUNITY)
    tickets, scores = _of(found, TICKET), _of(found, NPS, SURVEY)
    values = {
        **_orders(orders, now, home),
        "open_opportunities": len(deals),
        "open_opportunity_amount": _home(deals, home),
        "open_amount_by_currency": _by_currency(deals),
        "open_tickets": sum(ticket["open"] for ticket in tickets),
        "last_ticket_time": max((t["at"] for t in tickets if t["at"]), default=None),
        "last_survey_score": _last_score(scores),
        "nps_average": _average([item["number"] for item in _of(found, NPS)]),
        "last_contact_time": last_contact,
        "loyalty_points": sum(item["number"] for item in _of(found, POINTS)),
    }
    turns = [order["at"] + window for order in orders if order["at"] for window in (QUARTER, YEAR)]
    return Facts(values, min((turn for turn in turns if turn > now), default=None))


def _of(items: Sequence[Any], *kinds: str) -> list[Any]:
    return [item for item in items if item["kind"] in kinds]


def _orders(orders: Sequence[Any], now: datetime, home: str) -> dict[str, Any]:
    times = [order["at"] for order in orders if order["at"]]
    quarter, year = _since(orders, now - QUARTER), _since(orders, now - YEAR)
    return {
        "first_order_time": min(times, default=None),
        "last_order_time": max(times, default=None),
        "order_count": len(orders),
        "orders_90_days": len(quarter),
        "orders_365_days": len(year),
        "revenue_90_days": _home(quarter, home),
        "revenue_365_days": _home(year, home),
        "lifetime_revenue": _home(orders, home),
        "revenue_by_currency": _by_currency(orders),
    }


def _since(orders: Sequence[Any], start: datetime) -> list[Any]:
    return [order for order in orders if order["at"] and order["at"] > start]


def _sums(items: Sequence[Any]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for item in items:
        if item["amount"]:  # nothing is nothing in any currency
            code = item["currency_code"] or ""
            sums[code] = sums.get(code, Decimal(0)) + item["amount"]
    return sums


def _home(items: Sequence[Any], home: str) -> Decimal | None:
    sums = _sums(items)
    return sums.get(home, Decimal(0)).quantize(_SIX) if sums.keys() <= {home} else None


def _by_currency(items: Sequence[Any]) -> dict[str, str]:
    """Keys in lower case, as the filter language names members of a field."""
    return {
        code.lower(): format(total.quantize(_SIX), "f")
        for code, total in sorted(_sums(items).items())
        if code
    }


def _last_score(scores: Sequence[Any]) -> int | None:
    """Of two answers at one instant the higher id's."""
    dated = [score for score in scores if score["at"]]
    last = max(dated, key=lambda score: (score["at"], score["item_id"]), default=None)
    return None if last is None else int(last["number"])


def _average(numbers: Sequence[int]) -> Decimal | None:
    return (Decimal(sum(numbers)) / len(numbers)).quantize(_SIX) if numbers else None
