"""Columns shared by quotes and orders, and how a document gets its amounts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Identity, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, Kind
from taproot_listing.fields import Field, FieldType
from taproot_sales.pricing.document import DocumentAmounts, DocumentInput, LineInput, price_document

ZERO = Decimal(0)
TOTALS = ("gross", "discount", "net", "tax", "total", "exact_net", "discount_share")
MOST_GROSS = Decimal(10) ** 15


class AmountTooLarge(AppError):
    kind = Kind.INVALID
    reason = "AMOUNT_TOO_LARGE"


class SalesLineColumns:
    """A line of a quote or an order. Its product is remembered as it was when the line was written."""

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    position: Mapped[int]
    product_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    display_name: Mapped[str] = mapped_column(Text, default="")
    product_code: Mapped[str] = mapped_column(Text, default="")
    product_kind: Mapped[str] = mapped_column(Text, default="")
    entitlement_months: Mapped[int] = mapped_column(default=0)
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    unit_price: Mapped[Decimal] = mapped_column(Numeric)
    list_price: Mapped[Decimal | None] = mapped_column(Numeric)
    discount_rate: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    tax_rate: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    net: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    tax: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    exact_net: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    note: Mapped[str] = mapped_column(Text, default="")

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


class SalesDocumentColumns:
    """What quotes and orders have in common beside their lines."""

    serial: Mapped[int] = mapped_column(BigInteger, Identity())
    """Behind the number; taken from the identity's sequence before the row is written."""
    number: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    contact_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    opportunity_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    state: Mapped[str] = mapped_column(Text)
    currency_code: Mapped[str] = mapped_column(Text)
    tax_inclusive: Mapped[bool] = mapped_column(default=False)
    discount_rate: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    discount_amount: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    payment_terms_days: Mapped[int]
    gross: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    discount: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    net: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    tax: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    total: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    exact_net: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    discount_share: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    approval_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    note: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    team_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


def apply_prices(document: Any, lines: Sequence[Any]) -> None:
    """Give a document (with SalesDocumentColumns) and its lines their amounts."""
    amounts = price_document(_priced_input(document, lines))
    if amounts.gross >= MOST_GROSS:
        raise AmountTooLarge("the lines come to more than an amount can be", most=str(MOST_GROSS))
    for line, priced in zip(lines, amounts.lines, strict=True):
        line.net, line.tax, line.exact_net = priced.net, priced.tax, priced.exact_net
    _set_totals(document, amounts)


def _priced_input(document: Any, lines: Sequence[Any]) -> DocumentInput:
    return DocumentInput(
        currency=document.currency_code,
        lines=[
            LineInput(line.quantity, line.unit_price, line.discount_rate, line.tax_rate, line.list_price)
            for line in lines
        ],
        tax_inclusive=document.tax_inclusive,
        discount_rate=document.discount_rate,
        discount_amount=document.discount_amount,
    )


def totals_fields(columns: Any) -> list[Field]:
    """What a document comes to, for its list: in the contract these are fields of its `totals`."""
    return [Field(name, columns[name], FieldType.NUMBER, sensitive_class="financial") for name in TOTALS]


def _set_totals(document: Any, amounts: DocumentAmounts) -> None:
    for name in TOTALS:
        setattr(document, name, getattr(amounts, name))
