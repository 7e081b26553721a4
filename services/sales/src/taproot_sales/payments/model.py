"""Payments, and the allocations that put payments and credit notes against invoices."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Identity, Index, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, WrongState
from taproot_sales.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

ZERO = Decimal(0)


class ExternalIdTaken(AlreadyExists):
    reason = "EXTERNAL_ID_TAKEN"


class PaymentState(StrEnum):
    UNALLOCATED = "unallocated"
    ALLOCATED = "allocated"
    REVERSED = "reversed"


class AllocationSource(StrEnum):
    PAYMENT = "payment"
    CREDIT_NOTE = "credit_note"


class Allocation(Base):
    """Money of a payment or credit note put against an invoice; undone by `reverse_time`, never deleted."""

    __tablename__ = "allocations"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_allocations_source_id", "source_id"),
        Index("ix_allocations_invoice_id", "invoice_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    source_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    invoice_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    amount: Mapped[Decimal] = mapped_column(Numeric)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reverse_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Payment(Aggregate, Base):
    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("unallocated >= 0 AND unallocated <= amount", name="unallocated"),
        Index("uq_payments_number", "number", unique=True),
        Index("uq_payments_external_id", "external_id", unique=True),
        Index("ix_payments_owner_id", "owner_id", "create_time", "id"),
        Index("ix_payments_branch_path", "branch_path", "create_time", "id"),
        Index("ix_payments_team_id", "team_id", "create_time", "id"),
        Index("ix_payments_customer_id", "customer_id", "create_time", "id"),
        Index("ix_payments_create_time", "create_time", "id"),
    )
    aggregate_type: ClassVar[str] = "payment"

    serial: Mapped[int] = mapped_column(BigInteger, Identity())
    number: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    external_id: Mapped[str | None] = mapped_column(Text)
    currency_code: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(Numeric)
    unallocated: Mapped[Decimal] = mapped_column(Numeric)
    state: Mapped[str] = mapped_column(Text)
    payment_date: Mapped[date] = mapped_column(Date)
    method: Mapped[str] = mapped_column(Text, default="")
    reference: Mapped[str] = mapped_column(Text, default="")
    reverse_reason: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    team_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def require_live(self) -> None:
        if self.state == PaymentState.REVERSED:
            raise WrongState("payment", "REVERSED", ["UNALLOCATED", "ALLOCATED"])

    def receive(self, now: datetime) -> None:
        self.unallocated, self.state, self.create_time = self.amount, PaymentState.UNALLOCATED, now
        self.record("received", now)

    def use(self, amount: Decimal, now: datetime) -> None:
        """Put part of it against invoices."""
        self.require_live()
        assert ZERO < amount <= self.unallocated
        self.unallocated -= amount
        self.state = PaymentState.UNALLOCATED if self.unallocated else PaymentState.ALLOCATED
        self.record("allocated", now)

    def reverse(self, reason: str, now: datetime) -> None:
        self.require_live()
        self.unallocated, self.state, self.reverse_reason = ZERO, PaymentState.REVERSED, reason
        self.record("reversed", now)


scope_table(Payment, "payments.read", team="team_id", party="customer_id")
