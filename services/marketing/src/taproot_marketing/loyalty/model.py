"""Loyalty programmes, accounts and the ledger."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError
from taproot_marketing.base import Base
from taproot_marketing.loyalty.rules import Tier, lifetime_after, tier_of
from taproot_records.keeping import Kept
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, Owned
from taproot_storage.visibility import scope_table


class LoyaltyAccountExists(AlreadyExists):
    reason = "LOYALTY_ACCOUNT_EXISTS"

    def __init__(self, account_id: uuid.UUID) -> None:
        super().__init__("the customer has joined already", id=str(account_id))


class LoyaltyProgramClosed(AppError):
    reason = "LOYALTY_PROGRAM_CLOSED"

    def __init__(self) -> None:
        super().__init__("the programme is closed")


class LoyaltyProgramInUse(AppError):
    reason = "LOYALTY_PROGRAM_IN_USE"

    def __init__(self) -> None:
        super().__init__("customers have joined this programme; close it instead")


class LoyaltyBalanceTooLow(AppError):
    reason = "LOYALTY_BALANCE_TOO_LOW"

    def __init__(self, balance: int) -> None:
        super().__init__(f"the account holds {balance} points", balance=str(balance))


class LoyaltyProgram(Kept, Owned, Customizable, Base):
    __tablename__ = "loyalty_programs"
    __table_args__ = (Index("ix_loyalty_programs_create_time", "create_time", "id"),)
    aggregate_type = "loyalty_program"

    display_name: Mapped[str] = mapped_column(default="")
    amount_per_point: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    currency_code: Mapped[str] = mapped_column(default="")
    tiers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    auto_join: Mapped[bool] = mapped_column(default=False)
    closed: Mapped[bool] = mapped_column(default=False)

    def faults(self) -> list[tuple[str, str]]:
        found = self.missing("display_name")
        if self.amount_per_point is not None and self.amount_per_point <= 0:
            found.append(("amount_per_point", "must be more than 0"))
        if self.amount_per_point and not self.currency_code:
            found.append(("currency_code", "must be given with amount_per_point"))
        if len({tier.min_points for tier in self.ladder}) < len(self.tiers):
            found.append(("tiers", "must differ in min_points"))
        return found

    @property
    def ladder(self) -> list[Tier]:
        return [Tier(tier["name"], int(tier.get("min_points", 0))) for tier in self.tiers]


class LoyaltyAccount(Aggregate, Owned, Base):
    __tablename__ = "loyalty_accounts"
    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance"),
        Index("uq_loyalty_accounts_customer_id", "customer_id", "program_id", unique=True),
        Index("ix_loyalty_accounts_program_id", "program_id"),
        Index("ix_loyalty_accounts_create_time", "create_time", "id"),
        Index("ix_loyalty_accounts_branch_path", "branch_path", "create_time", "id"),
        Index("ix_loyalty_accounts_owner_id", "owner_id", "create_time", "id"),
    )
    aggregate_type = "loyalty_account"

    program_id: Mapped[uuid.UUID]
    customer_id: Mapped[uuid.UUID]
    display_name: Mapped[str]
    balance: Mapped[int] = mapped_column(BigInteger)
    lifetime_points: Mapped[int] = mapped_column(BigInteger)
    tier: Mapped[str]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def move(
        self, kind: str, points: int, transaction: LoyaltyTransaction, ladder: list[Tier], now: datetime
    ) -> None:
        """Book points onto the account; never below zero. The caller holds the row's lock."""
        if self.balance + points < 0:
            raise LoyaltyBalanceTooLow(self.balance)
        self.balance += points
        earned = transaction.lifetime_points if kind == "transfer" else points
        self.lifetime_points = lifetime_after(self.lifetime_points, kind, earned)
        transaction.balance_after = self.balance
        before, self.tier = self.tier, tier_of(self.lifetime_points, ladder)
        past = {"earn": "earned", "redeem": "redeemed"}.get(kind, "adjusted")
        self.record(past, now, transaction=transaction)
        if self.tier != before:
            self.record("tier_changed", now, previous_tier=before)


class LoyaltyTransaction(Base):
    __tablename__ = "loyalty_transactions"
    __table_args__ = (
        Index(
            "uq_loyalty_transactions_business_key",
            "program_id",
            "business_key",
            unique=True,
            postgresql_where=text("business_key <> ''"),
        ),
        Index("ix_loyalty_transactions_account_id", "account_id", "create_time", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID]
    program_id: Mapped[uuid.UUID]
    customer_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)
    lifetime_points: Mapped[int] = mapped_column(BigInteger, default=0)
    """Of the lifetime, that moved with a transfer."""
    balance_after: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    business_key: Mapped[str]
    create_time: Mapped[datetime]


class LoyaltyEntry(Base):
    """One side of a movement. Over any set of whole movements the points add up to zero."""

    __tablename__ = "loyalty_entries"
    __table_args__ = (Index("ix_loyalty_entries_book", "book"),)

    transaction_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)


scope_table(LoyaltyAccount, "loyalty_accounts.read", party="customer_id")
