"""Amounts of partial deliveries and returns."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from taproot_sales.pricing.currency import round_money


def amount_up_to(amount: Decimal, part: Decimal, whole: Decimal, currency: str) -> Decimal:
    """What the first `part` of a line's quantity comes to."""
    return round_money(Fraction(amount) * Fraction(part) / Fraction(whole), currency)


def amount_of_step(amount: Decimal, whole: Decimal, done: Decimal, more: Decimal, currency: str) -> Decimal:
    """What `more` comes to after `done`: steps that reach the whole quantity add up to the amount exactly."""
    return amount_up_to(amount, done + more, whole, currency) - amount_up_to(amount, done, whole, currency)
