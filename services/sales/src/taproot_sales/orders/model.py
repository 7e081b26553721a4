"""The order: what a customer bought, and its deliveries and returns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Date, DateTime, ForeignKey, Index, Numeric, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from taproot_base.errors import AlreadyExists, AppError, PermissionDenied, WrongState
from taproot_sales.base import Base
from taproot_sales.orders.rules import (
    CAN_CANCEL,
    CAN_FULFIL,
    CAN_RETURN,
    LineProgress,
    OrderState,
    plan,
    problems,
    state_after,
)
from taproot_sales.pricing.proration import amount_of_step
from taproot_sales.sales_lines.model import SalesDocumentColumns, SalesLineColumns, apply_prices
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

ZERO = Decimal(0)


class QuantityExceeded(AppError):
    """More was asked for than there is; names each line with what is left."""

    reason = "QUANTITY_EXCEEDED"


class OrderWithoutLines(AppError):
    reason = "ORDER_WITHOUT_LINES"


class CreditLimitExceeded(AppError):
    reason = "CREDIT_LIMIT_EXCEEDED"


class ApprovalPending(AppError):
    reason = "APPROVAL_PENDING"


class ExternalIdTaken(AlreadyExists):
    reason = "EXTERNAL_ID_TAKEN"


class ImportNotAllowed(PermissionDenied):
    reason = "IMPORT_NOT_ALLOWED"


@dataclass(frozen=True, slots=True)
class Moved:
    """One line of a delivery or return with its amounts."""

    line: OrderLine
    quantity: Decimal
    net: Decimal
    tax: Decimal


class OrderLine(SalesLineColumns, Base):
    __tablename__ = "order_lines"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        Index("ix_order_lines_product_id", "product_id"),
    )

    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    fulfilled_quantity: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    returned_quantity: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)

    @property
    def progress(self) -> LineProgress:
        return LineProgress(str(self.id), self.quantity, self.fulfilled_quantity, self.returned_quantity)


class Fulfilment(Base):
    """One delivery or return. Never changed once written."""

    __tablename__ = "fulfilments"
    __table_args__ = (UniqueConstraint("order_id", "sequence"),)

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    sequence: Mapped[int]
    is_return: Mapped[bool]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    invoice_id: Mapped[uuid.UUID] = mapped_column(Uuid, unique=True)
    fulfil_date: Mapped[date] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[str] = mapped_column(Text)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Order(SalesDocumentColumns, Aggregate, Base):
    __tablename__ = "orders"
    __table_args__ = (
        Index("uq_orders_number", "number", unique=True),
        Index("uq_orders_external_id", "external_id", unique=True),
        Index("uq_orders_quote_id", "quote_id", unique=True),
        Index("ix_orders_owner_id", "owner_id", "create_time", "id"),
        Index("ix_orders_branch_path", "branch_path", "create_time", "id"),
        Index("ix_orders_team_id", "team_id", "create_time", "id"),
        Index("ix_orders_customer_id", "customer_id", "create_time", "id"),
        Index("ix_orders_create_time", "create_time", "id"),
    )
    aggregate_type: ClassVar[str] = "order"

    external_id: Mapped[str | None] = mapped_column(Text)
    quote_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    order_date: Mapped[date] = mapped_column(Date)
    requested_date: Mapped[date | None] = mapped_column(Date)
    fulfil_date: Mapped[date | None] = mapped_column(Date)
    customer_reference: Mapped[str] = mapped_column(Text, default="")
    delivery_address: Mapped[str] = mapped_column(Text, default="")
    cancel_reason: Mapped[str] = mapped_column(Text, default="")
    historic: Mapped[bool] = mapped_column(default=False)
    invoiced: Mapped[Decimal] = mapped_column(Numeric, default=ZERO)
    movements: Mapped[int] = mapped_column(default=0)
    lines: Mapped[list[OrderLine]] = relationship(
        order_by=OrderLine.position, cascade="all, delete-orphan", lazy="raise"
    )

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def require(self, *allowed: OrderState) -> None:
        if self.state not in allowed:
            raise WrongState("order", self.state.upper(), [state.upper() for state in allowed])

    def create(self, now: datetime) -> None:
        self.state = OrderState.DRAFT
        self.create_time = now
        apply_prices(self, self.lines)
        self.record("created", now)

    def load_history(self, state: OrderState, now: datetime) -> None:
        """Enter an order that another system has handled already: no invoice, no entitlement follows."""
        self.state, self.historic, self.create_time = state, True, now
        apply_prices(self, self.lines)
        delivered = (OrderState.FULFILLED, OrderState.RETURNED)
        for line in self.lines:
            line.fulfilled_quantity = line.quantity if state in delivered else ZERO
            line.returned_quantity = line.quantity if state is OrderState.RETURNED else ZERO
        self.record("imported", now)

    def change(self, now: datetime) -> None:
        """Call after fields of a draft were set."""
        apply_prices(self, self.lines)
        self.record("updated", now)

    def submit(self, now: datetime) -> None:
        self.require(OrderState.DRAFT)
        if not self.lines:
            raise OrderWithoutLines("an order needs at least one line")
        self.state = OrderState.SUBMITTED
        self.record("submitted", now)

    def refuse(self, now: datetime) -> None:
        """An approver refused it, or the approval was taken back."""
        self.require(OrderState.SUBMITTED)
        self.state, self.approval_id = OrderState.DRAFT, None
        self.record("refused", now)

    def confirm(self, now: datetime) -> None:
        self.require(OrderState.SUBMITTED)
        self.state = OrderState.CONFIRMED
        self.record("confirmed", now)

    def cancel(self, reason: str, now: datetime) -> None:
        self.require(*CAN_CANCEL)
        self.state, self.cancel_reason = OrderState.CANCELLED, reason
        self.record("cancelled", now)

    def deliver(self, wanted: Mapping[str, Decimal]) -> list[Moved]:
        """Take quantities off what is left to deliver; the amounts of all deliveries add up to the order."""
        self.require(*CAN_FULFIL)
        moved = [
            self._moved(line, line.fulfilled_quantity, quantity)
            for line, quantity in self._plan({str(li.id): li.progress.to_fulfil for li in self.lines}, wanted)
        ]
        for move in moved:
            move.line.fulfilled_quantity += move.quantity
        self.state = state_after([line.progress for line in self.lines])
        self.invoiced += sum((move.net + move.tax for move in moved), ZERO)
        return moved

    def take_back(self, wanted: Mapping[str, Decimal]) -> list[Moved]:
        """Quantities that came back, at the prices they were delivered at."""
        self.require(*CAN_RETURN)
        moved = [
            self._moved(line, line.returned_quantity, quantity)
            for line, quantity in self._plan({str(li.id): li.progress.to_return for li in self.lines}, wanted)
        ]
        for move in moved:
            move.line.returned_quantity += move.quantity
        self.state = state_after([line.progress for line in self.lines])
        return moved

    def moved_by(self, fulfilment: Fulfilment, now: datetime) -> None:
        """Note a delivery or return after its invoice or credit note is known."""
        self.movements = fulfilment.sequence
        if not fulfilment.is_return:
            self.fulfil_date = fulfilment.fulfil_date
        self.record("returned" if fulfilment.is_return else "fulfilled", now, fulfilment=fulfilment)

    def _plan(
        self, left: Mapping[str, Decimal], wanted: Mapping[str, Decimal]
    ) -> Iterable[tuple[OrderLine, Decimal]]:
        moves = plan(left, wanted)
        excess = problems(left, moves)
        if excess or not moves:
            named = {problem.line_id: str(problem.left or ZERO) for problem in excess}
            raise QuantityExceeded("there is not that much left to deliver or return", **named)
        return [(line, moves[str(line.id)]) for line in self.lines if str(line.id) in moves]

    def _moved(self, line: OrderLine, done: Decimal, quantity: Decimal) -> Moved:
        net, tax = (
            amount_of_step(amount, line.quantity, done, quantity, self.currency_code)
            for amount in (line.net, line.tax)
        )
        return Moved(line, quantity, net, tax)


scope_table(Order, "orders.read", team="team_id", party="customer_id")
