"""Invoices and credit notes, the ledger they are written to, and credit limits."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Identity, Index, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, WrongState
from taproot_sales.base import Base
from taproot_sales.invoices.rules import InvoiceKind, InvoiceState, OpenItem, state_of
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

ZERO = Decimal(0)
UNSETTLED = (InvoiceState.OPEN, InvoiceState.PARTLY_PAID)


class ExternalIdTaken(AlreadyExists):
    reason = "EXTERNAL_ID_TAKEN"


class NotACreditNote(AppError):
    reason = "NOT_A_CREDIT_NOTE"


class OverAllocated(AppError):
    """More was put against an invoice than is open, or than there is money; names what there is."""

    reason = "OVER_ALLOCATED"


class DocumentNumber(Base):
    """The last number of a series without gaps; its row lock makes writers of the series wait."""

    __tablename__ = "document_numbers"

    series: Mapped[str] = mapped_column(Text, primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class LedgerEntry(Base):
    """One entry of a customer's account. Only ever added; `sequence` is the order of recording."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        Index(
            "ix_ledger_entries_account",
            "customer_id",
            "currency_code",
            "entry_date",
            "sequence",
            postgresql_include=["amount"],
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    currency_code: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    entry_date: Mapped[date] = mapped_column(Date)
    document_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    document_number: Mapped[str] = mapped_column(Text)
    order_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    description: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(Numeric)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Invoice(Aggregate, Base):
    __tablename__ = "invoices"
    __table_args__ = (
        CheckConstraint("open_amount >= 0 AND open_amount <= net + tax", name="open_amount"),
        Index("uq_invoices_number", "number", unique=True),
        Index("uq_invoices_external_id", "external_id", unique=True),
        Index("uq_invoices_fulfilment_id", "fulfilment_id", unique=True),
        Index("ix_invoices_owner_id", "owner_id", "create_time", "id"),
        Index("ix_invoices_branch_path", "branch_path", "create_time", "id"),
        Index("ix_invoices_team_id", "team_id", "create_time", "id"),
        Index("ix_invoices_customer_id", "customer_id", "create_time", "id"),
        Index("ix_invoices_create_time", "create_time", "id"),
        Index(
            "ix_invoices_open",
            "customer_id",
            "currency_code",
            "due_date",
            postgresql_where="state IN ('open', 'partly_paid')",
        ),
    )
    aggregate_type: ClassVar[str] = "invoice"

    number: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    order_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    fulfilment_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    credited_invoice_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    external_id: Mapped[str | None] = mapped_column(Text)
    currency_code: Mapped[str] = mapped_column(Text)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    net: Mapped[Decimal] = mapped_column(Numeric)
    tax: Mapped[Decimal] = mapped_column(Numeric)
    open_amount: Mapped[Decimal] = mapped_column(Numeric)
    invoice_date: Mapped[date] = mapped_column(Date)
    due_date: Mapped[date] = mapped_column(Date)
    overdue_noted: Mapped[bool] = mapped_column(default=False)
    void_reason: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    team_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @property
    def total(self) -> Decimal:
        return self.net + self.tax

    @property
    def open_item(self) -> OpenItem:
        return OpenItem(str(self.id), self.due_date, self.open_amount)

    def require(self, *allowed: InvoiceState) -> None:
        if self.state not in allowed:
            raise WrongState("invoice", self.state.upper(), [state.upper() for state in allowed])

    def issue(self, now: datetime) -> None:
        self.open_amount = self.total
        self.state, self.create_time = state_of(self.total, self.total), now
        self.record("created", now)

    def settle(self, amount: Decimal, now: datetime) -> None:
        """Pay (or, of a credit note, use) part of what is open."""
        self.require(*UNSETTLED)
        if not ZERO < amount <= self.open_amount:
            raise OverAllocated("more than is open", **{str(self.id): str(self.open_amount)})
        self.open_amount -= amount
        self.state = state_of(self.total, self.open_amount)
        self.record(self.state, now)

    def unsettle(self, amount: Decimal, now: datetime) -> None:
        """A payment on it was taken back."""
        self.open_amount += amount
        self.state = state_of(self.total, self.open_amount)
        self.record("reopened", now)

    def void(self, reason: str, now: datetime) -> None:
        self.require(InvoiceState.OPEN)
        self.state, self.void_reason, self.open_amount = InvoiceState.VOID, reason, ZERO
        self.record("voided", now)

    def note_overdue(self, now: datetime) -> None:
        self.overdue_noted = True
        self.record("overdue", now)

    def require_credit_note(self) -> None:
        if self.kind != InvoiceKind.CREDIT_NOTE:
            raise NotACreditNote("this is an invoice, not a credit note")
        self.require(*UNSETTLED)


class CreditLimit(Aggregate, Base):
    """How much a customer may owe; `id` is the customer's.

    It belongs where the customer does and follows it: who sees the customer's place sees what it may owe.
    """

    __tablename__ = "credit_limits"
    __table_args__ = (
        Index("ix_credit_limits_create_time", "create_time", "id"),
        Index("ix_credit_limits_owner_id", "owner_id", "create_time", "id"),
        Index("ix_credit_limits_branch_path", "branch_path", "create_time", "id"),
    )
    aggregate_type: ClassVar[str] = "credit_limit"

    limit_amount: Mapped[Decimal] = mapped_column(Numeric)
    currency_code: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text, default="")

    @property
    def party(self) -> uuid.UUID | None:
        return self.id

    def set_limit(self, amount: Decimal, currency: str, now: datetime) -> None:
        self.limit_amount, self.currency_code = amount, currency
        self.record("changed", now)


scope_table(Invoice, "invoices.read", team="team_id", party="customer_id")
scope_table(CreditLimit, "credit_limits.read", party="id")
