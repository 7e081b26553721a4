"""A product."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Index, Integer, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, InvalidArgument, WrongState
from taproot_base.text import normalize, search_tokens, sort_key
from taproot_sales.base import Base
from taproot_storage.eventlog import Aggregate


class ProductCodeExists(AlreadyExists):
    reason = "PRODUCT_CODE_EXISTS"

    def __init__(self, code: str = "") -> None:
        super().__init__("a product with this code exists", code=code)


class Product(Aggregate, Base):
    __tablename__ = "products"
    aggregate_type = "product"

    display_name: Mapped[str] = mapped_column(Text, default="")
    sort_key: Mapped[str] = mapped_column(Text, default="")
    search: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    code: Mapped[str] = mapped_column(Text, default="")
    code_key: Mapped[str] = mapped_column(Text, default="")
    name_zh: Mapped[str] = mapped_column(Text, default="")
    name_en: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text, default="goods")
    unit: Mapped[str] = mapped_column(Text, default="piece")
    category: Mapped[str] = mapped_column(Text, default="")
    tax_rate: Mapped[Decimal] = mapped_column(Numeric, default=Decimal(0))
    list_price: Mapped[Decimal | None] = mapped_column(Numeric)
    currency_code: Mapped[str | None] = mapped_column(Text)
    entitlement_months: Mapped[int] = mapped_column(Integer, default=0)
    components: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list)
    description: Mapped[str] = mapped_column(Text, default="")
    discontinued: Mapped[bool] = mapped_column(default=False)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_products_code_key", "code_key", unique=True),
        Index("ix_products_code", "code", "id"),
        Index("ix_products_category", "category", "code", "id"),
        Index("ix_products_search", "search", postgresql_using="gin"),
    )

    @classmethod
    def create(cls, values: dict[str, Any], now: datetime) -> Product:
        product = cls(**values, create_time=now, update_time=now)
        product._check_and_derive()
        product.record("created", now)
        return product

    def change(self, values: dict[str, Any], now: datetime) -> None:
        self.set_all(values)
        self._check_and_derive()
        self.record("updated", now)

    def _check_and_derive(self) -> None:
        self.display_name = self.display_name or self.name_zh or self.name_en
        faults = []
        if not self.code.strip():
            faults.append(("product.code", "is required"))
        if not self.display_name:
            faults.append(("product.display_name", "a name is required"))
        if self.list_price is not None and self.list_price < 0:
            faults.append(("product.list_price", "is not below zero"))
        if faults:
            raise InvalidArgument(faults)
        self.code_key = normalize(self.code)
        self.sort_key = sort_key(self.display_name)
        self.search = search_tokens(self.code, self.display_name, self.name_zh, self.name_en, self.category)

    def delete(self, now: datetime) -> None:
        self.delete_time = now
        self.record("deleted", now)

    def undelete(self, now: datetime) -> None:
        if self.delete_time is None:
            raise WrongState("the product", "not deleted", ["deleted"])
        self.delete_time = None
        self.record("undeleted", now)


def component_ids(components: list[dict[str, str]]) -> list[uuid.UUID]:
    return [uuid.UUID(part["product_id"]) for part in components]
