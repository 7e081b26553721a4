"""Largest remainder distribution: parts that add up to the whole, to the last unit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from taproot_sales.pricing.currency import from_units, to_units


def distribute_units(total: int, weights: Sequence[Fraction]) -> list[int]:
    """Splits whole units in proportion to weights (none negative); earlier parts win ties."""
    whole = sum(weights, Fraction(0))
    if whole == 0:
        return [total, *([0] * (len(weights) - 1))] if weights else []
    shares = [total * weight / whole for weight in weights]
    parts = [share.numerator // share.denominator for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - shares[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def distribute(total: Decimal, weights: Sequence[Fraction], places: int) -> list[Decimal]:
    """Splits an amount into parts of `places` decimals."""
    units = distribute_units(to_units(Fraction(total), places), weights)
    return [from_units(part, places) for part in units]
