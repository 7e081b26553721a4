"""A product."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists
from taproot_base.text import normalize, search_tokens
from taproot_records.keeping import Recyclable, Sorted
from taproot_sales.base import Base
from taproot_storage.model import Customizable, custom_tokens


class ProductCodeExists(AlreadyExists):
    reason = "PRODUCT_CODE_EXISTS"

    def __init__(self, code: str = "") -> None:
        super().__init__("a product with this code exists", code=code)


class Product(Recyclable, Sorted, Customizable, Base):
    __tablename__ = "products"
    aggregate_type = "product"
    refusals = {"uq_products_code_key": ProductCodeExists}  # noqa: RUF012  # a constant of the class

    search: Mapped[list[str]] = mapped_column(default=list)
    code: Mapped[str] = mapped_column(default="")
    code_key: Mapped[str] = mapped_column(default="")
    name_zh: Mapped[str] = mapped_column(default="")
    name_en: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="goods")
    unit: Mapped[str] = mapped_column(default="piece")
    category: Mapped[str] = mapped_column(default="")
    tax_rate: Mapped[Decimal] = mapped_column(Numeric, default=Decimal(0))
    list_price_amount: Mapped[Decimal | None] = mapped_column(Numeric)
    list_price_currency: Mapped[str | None]
    entitlement_months: Mapped[int] = mapped_column(default=0)
    components: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    description: Mapped[str] = mapped_column(default="")
    discontinued: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index("uq_products_code_key", "code_key", unique=True),
        Index("ix_products_code", "code", "id"),
        Index("ix_products_category", "category", "code", "id"),
        Index("ix_products_search", "search", postgresql_using="gin"),
    )

    def faults(self) -> list[tuple[str, str]]:
        self._complete()
        found = [] if self.code.strip() else [("code", "is required")]
        if not self.display_name:
            found.append(("display_name", "a name is required"))
        if self.list_price_amount is not None and self.list_price_amount < 0:
            found.append(("list_price", "is not below zero"))
        return found

    def _complete(self) -> None:
        self.kind, self.unit = self.kind or "goods", self.unit or "piece"
        self.tax_rate = self.tax_rate or Decimal(0)
        self.components = [part | {"quantity": part["quantity"] or "1"} for part in self.components]
        self.display_name = self.display_name or self.name_zh or self.name_en
        self.code_key = normalize(self.code)
        self.sort_by_name()
        found = search_tokens(self.code, self.display_name, self.name_zh, self.name_en, self.category)
        self.search = [*found, *custom_tokens(self)]


def component_ids(components: list[dict[str, Any]]) -> list[uuid.UUID]:
    return [uuid.UUID(part["product_id"]) for part in components]
