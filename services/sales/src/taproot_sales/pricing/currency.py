"""Minor units of currencies and the one way of rounding to them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

# ISO 4217: every currency that does not have two decimals.
_DECIMALS = dict.fromkeys(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ),
    0,
)
_DECIMALS |= dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
_DECIMALS |= dict.fromkeys(("CLF", "UYW"), 4)

EXACT_PLACES = 6
"""Decimals of amounts that are not rounded to minor units."""


def decimals(currency: str) -> int:
    """How many decimals the minor unit of a currency has."""
    return _DECIMALS.get(currency, 2)


def minor_unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-decimals(currency))


def is_whole(amount: Decimal, currency: str) -> bool:
    """True when the amount has no fraction of a minor unit."""
    return amount == round_money(Fraction(amount), currency)


def to_units(value: Fraction, places: int) -> int:
    """Whole units of 10^-places, halves away from zero."""
    scaled = abs(value) * 10**places
    units: int = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return units if value >= 0 else -units


def from_units(units: int, places: int) -> Decimal:
    """Exact, however large: arithmetic would round to the digits of the decimal context."""
    digits = tuple(int(digit) for digit in str(abs(units)))
    return Decimal((int(units < 0), digits, -places))


def round_places(value: Fraction, places: int) -> Decimal:
    """Rounded half up (away from zero)."""
    return from_units(to_units(value, places), places)


def round_money(value: Fraction, currency: str) -> Decimal:
    """Rounded half up to the minor unit of the currency."""
    return round_places(value, decimals(currency))


def quantize_rate(value: Fraction) -> Decimal:
    """A share or rate with 6 decimals."""
    return round_places(value, 6)
