"""Which products are bought together: support, confidence and lift of pairs. Pure.

Counting is that of Agrawal and Srikant (VLDB 1994): a pair can be frequent only when both its products are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from uuid import UUID

from taproot_customer.analysis.figures import Cell, rate

Basket = frozenset[UUID]


def affinity(baskets: Sequence[Basket], least: int, most: int) -> list[Cell]:
    """Both directions of every pair that occurs in at least `least` baskets; the `most` pairs that occur most."""
    single = Counter(product for basket in baskets for product in basket)
    frequent = {product for product, count in single.items() if count >= least}
    pairs = Counter(pair for basket in baskets for pair in combinations(sorted(basket & frequent), 2))
    found = sorted(((n, pair) for pair, n in pairs.items() if n >= least), key=lambda one: (-one[0], one[1]))
    return list(both_ways(found[:most], single, len(baskets)))


def both_ways(
    found: Iterable[tuple[int, tuple[UUID, UUID]]], single: Counter[UUID], whole: int
) -> Iterable[Cell]:
    for count, pair in found:
        for one, other in (pair, pair[::-1]):
            yield Cell(
                row=str(one),
                column=str(other),
                order_count=count,
                share=rate(count, whole),
                confidence=rate(count, single[one]),
                lift=rate(count * whole, single[one] * single[other]),
            )
