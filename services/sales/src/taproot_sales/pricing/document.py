"""Amounts of a document from its lines.

Discounts are taken exactly (line rate first, then the document's rate or amount). Rounding happens once per
document: the net (or, with tax in the prices, the total) once, the tax once per rate, both half up to the minor
unit; then lines get their parts by largest remainder, so that lines always add up to the document.
`exact_net` keeps the net before rounding: sums over many documents add it up and round once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from taproot_sales.pricing.currency import EXACT_PLACES, decimals, quantize_rate, round_money, round_places
from taproot_sales.pricing.distribution import distribute


@dataclass(frozen=True, slots=True)
class LineInput:
    quantity: Decimal
    unit_price: Decimal
    discount_rate: Decimal = Decimal(0)
    tax_rate: Decimal = Decimal(0)
    list_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DocumentInput:
    currency: str
    lines: Sequence[LineInput]
    tax_inclusive: bool = False
    discount_rate: Decimal = Decimal(0)
    discount_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class LineAmounts:
    net: Decimal
    tax: Decimal
    exact_net: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class TaxAmount:
    rate: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class DocumentAmounts:
    lines: Sequence[LineAmounts]
    gross: Decimal
    discount: Decimal
    net: Decimal
    tax: Decimal
    exact_net: Decimal
    discount_share: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def discounted_lines(document: DocumentInput) -> list[Fraction]:
    """What is charged for each line after all discounts, exactly."""
    lines = [
        Fraction(line.quantity) * Fraction(line.unit_price) * (1 - Fraction(line.discount_rate))
        for line in document.lines
    ]
    whole = sum(lines, Fraction(0))
    factor = 1 - Fraction(document.discount_rate)
    if document.discount_amount and whole:
        factor = 1 - Fraction(document.discount_amount) / whole
    return [line * factor for line in lines]


def line_tax(charged: Fraction, rate: Decimal, inclusive: bool) -> Fraction:
    share = Fraction(rate) / (1 + Fraction(rate)) if inclusive else Fraction(rate)
    return charged * share


def taxes_by_rate(document: DocumentInput, taxes: Sequence[Fraction]) -> list[Decimal]:
    """Tax per line: rounded once per rate, then split over the lines of that rate."""
    places = decimals(document.currency)
    result = [Decimal(0)] * len(taxes)
    for rate in {line.tax_rate for line in document.lines}:
        members = [index for index, line in enumerate(document.lines) if line.tax_rate == rate]
        exact = [taxes[index] for index in members]
        parts = distribute(round_money(sum(exact, Fraction(0)), document.currency), exact, places)
        for index, part in zip(members, parts, strict=True):
            result[index] = part
    return result


def discount_share(document: DocumentInput, charged: Fraction) -> Decimal:
    """Share that all discounts take off, against list prices where they are higher."""
    full = sum(
        (
            Fraction(line.quantity) * Fraction(max(line.unit_price, line.list_price or Decimal(0)))
            for line in document.lines
        ),
        Fraction(0),
    )
    return quantize_rate(1 - charged / full) if full else Decimal(0)


def price_document(document: DocumentInput) -> DocumentAmounts:
    """Prices a document whose input is valid: rates within 0 and 1, nothing negative, discount within the sum."""
    currency, inclusive = document.currency, document.tax_inclusive
    charged = discounted_lines(document)
    taxes = [
        line_tax(amount, line.tax_rate, inclusive)
        for amount, line in zip(charged, document.lines, strict=True)
    ]
    nets = [amount - tax if inclusive else amount for amount, tax in zip(charged, taxes, strict=True)]
    tax_parts = taxes_by_rate(document, taxes)
    tax = sum(tax_parts, Decimal(0))
    whole = sum(charged, Fraction(0))
    charged_rounded = round_money(whole, currency)
    net = charged_rounded - tax if inclusive else charged_rounded
    gross = round_money(
        sum((Fraction(line.quantity) * Fraction(line.unit_price) for line in document.lines), Fraction(0)),
        currency,
    )
    exact_net = round_places(sum(nets, Fraction(0)), EXACT_PLACES)
    lines = zip(
        distribute(net, nets, decimals(currency)),
        tax_parts,
        distribute(exact_net, nets, EXACT_PLACES),
        strict=True,
    )
    return DocumentAmounts(
        lines=[LineAmounts(*amounts) for amounts in lines],
        gross=gross,
        discount=gross - charged_rounded,
        net=net,
        tax=tax,
        exact_net=exact_net,
        discount_share=discount_share(document, whole),
    )


def tax_summary(rates: Sequence[Decimal], lines: Sequence[LineAmounts]) -> list[TaxAmount]:
    """Net and tax per rate, highest rate first."""
    summary = []
    for rate in sorted(set(rates), reverse=True):
        members = [line for line, its in zip(lines, rates, strict=True) if its == rate]
        net = sum((line.net for line in members), Decimal(0))
        summary.append(TaxAmount(rate, net, sum((line.tax for line in members), Decimal(0))))
    return summary
