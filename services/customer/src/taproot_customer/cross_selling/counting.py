"""Counts which products the same customers bought. Pure; holds counts of products, never the customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, groupby
from uuid import UUID

from taproot_customer.analysis.affinity import both_ways
from taproot_customer.analysis.figures import Cell

# Who buys everything, such as a reseller, says nothing about what goes with what, and costs the square of it.
MOST_PRODUCTS = 500
MOST_PAIRS = 200_000
MOST_OFFERS = 20
"""For each product."""

Basket = frozenset[UUID]


class Tally:
    """Counts in two passes: first the products, then the pairs of those that are frequent (Agrawal and Srikant)."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._single: Counter[UUID] = Counter()
        self._pairs: Counter[tuple[UUID, UUID]] = Counter()
        self._frequent: frozenset[UUID] = frozenset()
        self.customers = 0

    def count_products(self, baskets: Iterable[Basket]) -> None:
        for basket in filter(_tells, baskets):
            self._single.update(basket)

    def begin_pairs(self) -> None:
        """The second pass counts the products too, so that its figures fit each other whatever changed since."""
        self._frequent = frozenset(one for one, count in self._single.items() if count >= self._least)
        self._single.clear()

    def count_pairs(self, baskets: Iterable[Basket]) -> None:
        for basket in filter(_tells, baskets):
            self.customers += 1
            self._single.update(basket)
            self._pairs.update(combinations(sorted(basket & self._frequent), 2))

    def offers(self) -> list[Cell]:
        """`row`: what is owned, `column`: what to offer. Only what is bought more often with it than without."""
        found = [(count, pair) for pair, count in self._pairs.items() if count >= self._least]
        found.sort(key=lambda one: (-one[0], one[1]))
        cells = [one for one in both_ways(found[:MOST_PAIRS], self._single, self.customers) if _helps(one)]
        cells.sort(key=lambda one: (one.row, -(one.confidence or 0), -(one.lift or 0), one.column))
        return [one for _, same in groupby(cells, key=lambda one: one.row) for one in [*same][:MOST_OFFERS]]


def _tells(basket: Basket) -> bool:
    return 0 < len(basket) <= MOST_PRODUCTS


def _helps(cell: Cell) -> bool:
    return cell.lift is not None and cell.lift > 1
