"""A price book and its prices; price_rules.py says which price counts."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Date, DateTime, ForeignKey, Index, Integer, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import InvalidArgument
from taproot_base.text import sort_key
from taproot_sales.base import Base
from taproot_storage.eventlog import Aggregate


class PriceBook(Aggregate, Base):
    __tablename__ = "price_books"
    aggregate_type = "price_book"

    display_name: Mapped[str] = mapped_column(Text, default="")
    sort_key: Mapped[str] = mapped_column(Text, default="")
    customer_class: Mapped[str] = mapped_column(Text, default="")
    currency_code: Mapped[str] = mapped_column(Text, default="")
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    priority: Mapped[int] = mapped_column(Integer, default=0)
    disabled: Mapped[bool] = mapped_column(default=False)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_price_books_currency", "currency_code", "customer_class"),)

    @classmethod
    def create(cls, values: dict[str, Any], now: datetime) -> PriceBook:
        book = cls(**values, create_time=now, update_time=now)
        book._check_and_derive()
        book.record("created", now)
        return book

    def change(self, values: dict[str, Any], now: datetime) -> None:
        self.set_all(values)
        self._check_and_derive()
        self.record("updated", now)

    def _check_and_derive(self) -> None:
        required = {"display_name": self.display_name, "currency_code": self.currency_code}
        faults = [(f"price_book.{name}", "is required") for name, value in required.items() if not value]
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            faults.append(("price_book.valid_period", "ends before it starts"))
        if faults:
            raise InvalidArgument(faults)
        self.sort_key = sort_key(self.display_name)

    def entries_set(self, entries: list[dict[str, Any]], removed: list[uuid.UUID], now: datetime) -> None:
        self.record("entries_set", now, entries=entries, removed=removed)

    def delete(self, now: datetime) -> None:
        self.delete_time = now
        self.record("deleted", now)


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
