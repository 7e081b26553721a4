"""Cohorts: of those who first bought in one month, how many buy again in each later month. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from taproot_customer.analysis.figures import Cell, rate

Month = tuple[int, int]


class Cohorts:
    """Filled customer by customer, so that a run over many holds only sums."""

    def __init__(self) -> None:
        self._customers: dict[tuple[Month, int], int] = defaultdict(int)
        self._orders: dict[tuple[Month, int], int] = defaultdict(int)
        self._amounts: dict[tuple[Month, int], Decimal] = defaultdict(Decimal)

    def add(self, months: Iterable[tuple[Month, int, Decimal]]) -> None:
        """One customer's months with purchases, each with the number of orders and what they came to."""
        bought = list(months)
        first = min(month for month, _, _ in bought)
        for month, orders, amount in bought:
            key = (first, _between(first, month))
            self._customers[key] += 1
            self._orders[key] += orders
            self._amounts[key] += amount

    def cells(self) -> list[Cell]:
        return [
            Cell(
                row=f"{month[0]:04d}-{month[1]:02d}",
                column=str(later),
                customer_count=count,
                order_count=self._orders[month, later],
                share=rate(count, self._customers[month, 0]),
                amount=self._amounts[month, later],
            )
            for (month, later), count in sorted(self._customers.items())
        ]


def _between(first: Month, month: Month) -> int:
    return 12 * (month[0] - first[0]) + month[1] - first[1]
