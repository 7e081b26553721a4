"""Reads of price books, and the prices they give. They are the same for the whole enterprise: not scoped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, cast, delete, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from taproot.sales.v1 import price_book_pb2 as pb
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.reading import Shelf, resource_of
from taproot_sales.catalog.queries import products_by_id
from taproot_sales.price_books.model import PriceBook, period, price_book_entries
from taproot_sales.price_books.price_rules import Book, Break, Inquiry, ListPrice, Price, find_price
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

T = PriceBook.__table__.c
E = price_book_entries.c
LIVE = T.delete_time.is_(None)
RESOURCE = resource_of(
    "price_book",
    PriceBook,
    pb.PriceBook,
    "id display_name customer_class currency_code priority disabled create_time update_time custom",
    "display_name",
)
SHELF = Shelf(RESOURCE, PriceBook, pb.PriceBook, live=LIVE)
ENTRIES = Resource(
    "price_book_entry",
    (
        Field("product_id", E.product_id, FieldType.ID),
        Field("min_quantity", E.min_quantity, FieldType.NUMBER),
        Field("unit_price", E.unit_price, FieldType.NUMBER),
    ),
    "product_id, min_quantity",
    # Within a book this names an entry: the tie-break of every order.
    cast(E.product_id, Text) + "/" + cast(E.min_quantity, Text),
)
_keys = bindparam("products", type_=ARRAY(Uuid()))
_breaks = Statement(
    lambda: select(
        E.product_id, E.min_quantity, E.unit_price,
        T.id, T.currency_code, T.customer_class, T.valid_period, T.priority, T.disabled,
    )
    .join(PriceBook.__table__, T.id == E.price_book_id)
    .where(E.product_id == any_(_keys), T.currency_code == bindparam("currency"), LIVE)
)  # fmt: skip
_forget = Statement(
    lambda: delete(price_book_entries).where(E.price_book_id == bindparam("key"), E.product_id == any_(_keys))
)
_add = Statement(
    lambda: insert(price_book_entries).values({column.name: bindparam(column.name) for column in E})
)


@dataclass(frozen=True)
class PricedItem:
    product_id: UUID
    quantity: Decimal
    price: Price | None


async def put_entries(
    work: UnitOfWork, book_id: UUID, entries: Sequence[dict[str, Any]], removed: Sequence[UUID]
) -> None:
    """Replace the prices of the products named in either."""
    products = list({row["product_id"] for row in entries} | set(removed))
    await work.execute(_forget, key=book_id, products=products)
    await work.execute_many(_add, [row | {"price_book_id": book_id} for row in entries])


async def lookup_prices(
    reader: Reader,
    items: Sequence[tuple[UUID, Decimal]],
    *,
    currency_code: str,
    day: date,
    customer_class: str = "",
) -> list[PricedItem]:
    """The price of each (product, quantity), in order; None where there is none."""
    keys = list({product for product, _ in items})
    breaks: dict[UUID, list[Break]] = {}
    for row in await reader.fetch(_breaks, products=keys, currency=currency_code):
        breaks.setdefault(row["product_id"], []).append(_break(row))
    products = await products_by_id(reader, keys)
    return [
        PricedItem(
            product,
            quantity,
            find_price(
                breaks.get(product, ()),
                _list_price(products.get(product)),
                Inquiry(currency_code, day, quantity, customer_class),
            ),
        )
        for product, quantity in items
    ]


def _break(row: Any) -> Break:
    names = ("id", "currency_code", "customer_class", "priority", "disabled")
    first, last = period(row["valid_period"])
    book = Book(**{name: row[name] for name in names}, valid_from=first, valid_to=last)
    return Break(book, row["min_quantity"], row["unit_price"])


def _list_price(product: Any) -> ListPrice | None:
    if product is None or product["list_price_amount"] is None:
        return None
    return ListPrice(product["list_price_currency"], product["list_price_amount"])
