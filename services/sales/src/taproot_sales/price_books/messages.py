"""Price books and prices as messages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from taproot.sales.events.v1.price_book_event_pb2 import PriceBookEvent
from taproot.sales.v1 import price_book_pb2 as pb
from taproot.sales.v1 import price_book_service_pb2 as rpc
from taproot_base.wire import to_money
from taproot_records.mapping import message_of, row_of
from taproot_sales.price_books.model import entry
from taproot_sales.price_books.queries import PricedItem
from taproot_storage.eventlog import Recorded


def to_event(book: Any, recorded: Recorded) -> PriceBookEvent:
    return PriceBookEvent(
        price_book=message_of(pb.PriceBook, row_of(book)),
        entries=[to_entry(row) for row in recorded.detail.get("entries", ())],
        removed_product_ids=map(str, recorded.detail.get("removed", ())),
    )


def to_entry(row: Any) -> pb.PriceBookEntry:
    return pb.PriceBookEntry(
        product_id=str(row["product_id"]),
        min_quantity=f"{row['min_quantity']:f}",
        unit_price=f"{row['unit_price']:f}",
    )


def from_entry(message: pb.PriceBookEntry) -> dict[str, Any]:
    least = Decimal(message.min_quantity or "0")
    return entry(UUID(message.product_id), least, Decimal(message.unit_price))


def to_quotation(item: PricedItem, currency: str) -> rpc.PriceQuotation:
    price = item.price
    if price is None:
        return rpc.PriceQuotation(product_id=str(item.product_id), quantity=f"{item.quantity:f}")
    return rpc.PriceQuotation(
        product_id=str(item.product_id),
        quantity=f"{item.quantity:f}",
        unit_price=to_money(price.unit_price, currency),
        amount=to_money(price.amount(item.quantity), currency),
        price_book_id=str(price.book_id or ""),
        min_quantity=f"{price.min_quantity:f}",
    )
