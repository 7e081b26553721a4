"""Which price book gives the price of a product. Pure and exact.

Of the books that are valid on the day, in the currency, for the class or for everybody, and have a price for the
product and quantity: one for the class beats one for everybody, then the greater priority, then the later first
day (no first day is the earliest), then the smaller id. In the book the greatest `min_quantity` not above the
quantity decides. Without a book the list price counts when it is in the currency asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from taproot_sales.pricing.currency import round_money


@dataclass(frozen=True)
class Book:
    id: UUID
    currency_code: str
    customer_class: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    priority: int = 0
    disabled: bool = False


@dataclass(frozen=True)
class Break:
    """The price of one product in one book from a quantity on."""

    book: Book
    min_quantity: Decimal
    unit_price: Decimal


@dataclass(frozen=True)
class ListPrice:
    currency_code: str
    unit_price: Decimal


@dataclass(frozen=True)
class Inquiry:
    currency_code: str
    day: date
    quantity: Decimal
    customer_class: str = ""


@dataclass(frozen=True)
class Price:
    currency_code: str
    unit_price: Decimal
    book_id: UUID | None
    min_quantity: Decimal

    def amount(self, quantity: Decimal) -> Decimal:
        return round_money(Fraction(self.unit_price) * Fraction(quantity), self.currency_code)


def applies(book: Book, inquiry: Inquiry) -> bool:
    return (
        not book.disabled
        and book.currency_code == inquiry.currency_code
        and book.customer_class in ("", inquiry.customer_class)
        and (book.valid_from is None or book.valid_from <= inquiry.day)
        and (book.valid_to is None or inquiry.day <= book.valid_to)
    )


def find_price(breaks: Iterable[Break], list_price: ListPrice | None, inquiry: Inquiry) -> Price | None:
    """The price of one product, given all its prices in all books; None when there is none."""
    fitting = [
        entry for entry in breaks if applies(entry.book, inquiry) and entry.min_quantity <= inquiry.quantity
    ]
    if fitting:
        best = min(fitting, key=_rank)
        return Price(inquiry.currency_code, best.unit_price, best.book.id, best.min_quantity)
    if list_price is not None and list_price.currency_code == inquiry.currency_code:
        return Price(inquiry.currency_code, list_price.unit_price, None, Decimal(0))
    return None


def _rank(entry: Break) -> tuple[bool, int, int, UUID, Decimal]:
    book = entry.book
    first_day = book.valid_from.toordinal() if book.valid_from else 0
    return (book.customer_class == "", -book.priority, -first_day, book.id, -entry.min_quantity)
