"""A price book and its prices; price_rules.py says which price counts."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Numeric, Table, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from taproot_records.keeping import Recyclable, Sorted
from taproot_sales.base import Base
from taproot_storage.model import Customizable


class PriceBook(Recyclable, Sorted, Customizable, Base):
    __tablename__ = "price_books"
    aggregate_type = "price_book"

    customer_class: Mapped[str] = mapped_column(default="")
    currency_code: Mapped[str] = mapped_column(default="")
    valid_period: Mapped[dict[str, Any]] = mapped_column(default=dict)
    priority: Mapped[int] = mapped_column(default=0)
    disabled: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (Index("ix_price_books_currency", "currency_code", "customer_class"),)

    def faults(self) -> list[tuple[str, str]]:
        self.sort_by_name()
        found = self.missing("display_name", "currency_code")
        first, last = period(self.valid_period)
        if first and last and last < first:
            found.append(("valid_period", "ends before it starts"))
        return found

    def entries_set(self, entries: list[dict[str, Any]], removed: list[uuid.UUID], now: datetime) -> None:
        self.record("entries_set", now, entries=entries, removed=removed)


price_book_entries = Table(
    "price_book_entries",
    Base.metadata,
    Column("price_book_id", Uuid, ForeignKey("price_books.id"), primary_key=True),
    Column("product_id", Uuid, primary_key=True),
    Column("min_quantity", Numeric, primary_key=True),
    Column("unit_price", Numeric, nullable=False),
    Index("ix_price_book_entries_product", "product_id"),
)


def entry(product_id: uuid.UUID, min_quantity: Decimal, unit_price: Decimal) -> dict[str, Any]:
    return {"product_id": product_id, "min_quantity": min_quantity, "unit_price": unit_price}


def period(stored: dict[str, Any]) -> tuple[date | None, date | None]:
    """First and last day of a stored period; None for no end on that side."""
    first, last = (stored.get(name) for name in ("start_date", "end_date"))
    return date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None
