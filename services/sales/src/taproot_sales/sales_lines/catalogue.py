"""Products and prices as lines need them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from taproot_sales.catalog.queries import products_by_id
from taproot_sales.price_books.queries import lookup_prices
from taproot_sales.pricing.currency import EXACT_PLACES, round_places
from taproot_storage.database import Reader

Item = tuple[uuid.UUID, Decimal]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    display_name: str
    code: str
    kind: str
    entitlement_months: int
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """What a price depends on beside product and quantity."""

    currency_code: str
    day: date
    customer_class: str = ""
    tax_inclusive: bool = False


async def find_products(ids: Collection[uuid.UUID], reader: Reader) -> dict[uuid.UUID, CatalogueEntry]:
    if not ids:
        return {}
    products = await products_by_id(reader, ids)
    names = ("display_name", "code", "kind", "entitlement_months", "tax_rate")
    return {
        key: CatalogueEntry(**{name: product[name] for name in names}) for key, product in products.items()
    }


async def find_prices(
    items: Sequence[Item],
    terms: PriceTerms,
    products: Mapping[uuid.UUID, CatalogueEntry],
    reader: Reader,
) -> dict[Item, Decimal]:
    """Prices of the catalogue, which are without tax, in the terms of the document."""
    if not items:
        return {}
    found = await lookup_prices(
        reader,
        items,
        currency_code=terms.currency_code,
        day=terms.day,
        customer_class=terms.customer_class,
    )
    return {
        (item.product_id, item.quantity): _in_terms(
            item.price.unit_price, products[item.product_id].tax_rate, inclusive=terms.tax_inclusive
        )
        for item in found
        if item.price is not None
    }


def _in_terms(price: Decimal, tax_rate: Decimal, *, inclusive: bool) -> Decimal:
    return round_places(Fraction(price) * (1 + Fraction(tax_rate)), EXACT_PLACES) if inclusive else price
