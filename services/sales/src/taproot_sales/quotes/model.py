"""The quote: an offer with versions, of which the newest counts."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import Date, DateTime, ForeignKey, Index, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from taproot_base.errors import AppError, WrongState
from taproot_sales.base import Base
from taproot_sales.sales_lines.model import SalesDocumentColumns, SalesLineColumns, apply_prices
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

DEFAULT_VALIDITY = timedelta(days=30)


class QuoteState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


CAN_EXPIRE = (QuoteState.APPROVED, QuoteState.SENT)
CAN_REVISE = (
    QuoteState.DRAFT,
    QuoteState.SUBMITTED,
    QuoteState.APPROVED,
    QuoteState.SENT,
    QuoteState.REJECTED,
    QuoteState.EXPIRED,
)


class QuoteExpired(AppError):
    reason = "QUOTE_EXPIRED"


class QuoteWithoutLines(AppError):
    reason = "QUOTE_WITHOUT_LINES"


class QuoteLine(SalesLineColumns, Base):
    __tablename__ = "quote_lines"
    __table_args__ = (UniqueConstraint("quote_id", "position"),)

    quote_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("quotes.id", ondelete="CASCADE"))


class Quote(SalesDocumentColumns, Aggregate, Base):
    __tablename__ = "quotes"
    __table_args__ = (
        Index("uq_quotes_number_revision", "number", "revision", unique=True),
        Index("ix_quotes_owner_id", "owner_id", "create_time", "id"),
        Index("ix_quotes_branch_path", "branch_path", "create_time", "id"),
        Index("ix_quotes_team_id", "team_id", "create_time", "id"),
        Index("ix_quotes_customer_id", "customer_id", "create_time", "id"),
        Index("ix_quotes_create_time", "create_time", "id"),
        Index("ix_quotes_valid_until", "state", "valid_until"),
    )
    aggregate_type: ClassVar[str] = "quote"

    revision: Mapped[int] = mapped_column(default=1)
    previous_version_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    valid_until: Mapped[date] = mapped_column(Date)
    terms: Mapped[str] = mapped_column(Text, default="")
    order_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    reject_reason: Mapped[str] = mapped_column(Text, default="")
    send_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    close_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lines: Mapped[list[QuoteLine]] = relationship(
        order_by=QuoteLine.position, cascade="all, delete-orphan", lazy="raise"
    )

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def require(self, *allowed: QuoteState) -> None:
        if self.state not in allowed:
            raise WrongState("quote", self.state.upper(), [state.upper() for state in allowed])

    def create(self, now: datetime) -> None:
        self.state, self.create_time = QuoteState.DRAFT, now
        apply_prices(self, self.lines)
        self.record("created", now)

    def change(self, now: datetime) -> None:
        """Call after fields of a draft were set."""
        apply_prices(self, self.lines)
        self.record("updated", now)

    def submit(self, now: datetime) -> None:
        self.require(QuoteState.DRAFT)
        if not self.lines:
            raise QuoteWithoutLines("a quote needs at least one line")
        self.state = QuoteState.SUBMITTED
        self.record("submitted", now)

    def approve(self, now: datetime) -> None:
        self.require(QuoteState.SUBMITTED)
        self.state = QuoteState.APPROVED
        self.record("approved", now)

    def recall(self, now: datetime) -> None:
        """The request for approval was taken back: it can be changed again."""
        self.require(QuoteState.SUBMITTED)
        self.state, self.approval_id = QuoteState.DRAFT, None
        self.record("recalled", now)

    def send(self, today: date, now: datetime) -> None:
        self.require(QuoteState.APPROVED)
        self._require_valid(today)
        self.state, self.send_time = QuoteState.SENT, now
        self.record("sent", now)

    def accept(self, order_id: uuid.UUID, today: date, now: datetime) -> None:
        self.require(QuoteState.SENT)
        self._require_valid(today)
        self.order_id = order_id
        self._close(QuoteState.ACCEPTED, now)

    def reject(self, reason: str, now: datetime, *, by_approver: bool = False) -> None:
        self.require(QuoteState.SUBMITTED if by_approver else QuoteState.SENT)
        self.reject_reason = reason
        self._close(QuoteState.REJECTED, now, by_approver=by_approver)

    def expire(self, now: datetime) -> None:
        self.require(*CAN_EXPIRE)
        self._close(QuoteState.EXPIRED, now)

    def supersede(self, now: datetime) -> None:
        self.require(*CAN_REVISE)
        self._close(QuoteState.SUPERSEDED, now)

    def _close(self, state: QuoteState, now: datetime, *, by_approver: bool = False) -> None:
        self.state, self.close_time = state, now
        self.record(state, now, by_approver=by_approver)

    def _require_valid(self, today: date) -> None:
        if self.valid_until < today:
            raise QuoteExpired("the quote is no longer valid", valid_until=self.valid_until.isoformat())


scope_table(Quote, "quotes.read", team="team_id", party="customer_id")
