"""Approvals with their seats, and the policies that say when one is needed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Column, DateTime, ForeignKey, Index, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from taproot_base.errors import AlreadyExists, InvalidArgument, PermissionDenied, WrongState
from taproot_base.ids import new_id
from taproot_sales.approvals.rules import ApprovalState, DeadlineAction, Decision, open_seats, outcome
from taproot_sales.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table


class NotAnApprover(PermissionDenied):
    reason = "NOT_AN_APPROVER"


class NotTheRequester(PermissionDenied):
    reason = "NOT_THE_REQUESTER"


class ApprovalOpen(AlreadyExists):
    reason = "APPROVAL_PENDING"


class ApprovalSeat(Base):
    """The right of a user, or of any holder of a permission or role, to decide one step."""

    __tablename__ = "approval_seats"
    __table_args__ = (
        Index("ix_approval_seats_approval_id", "approval_id", "step", "position"),
        Index("ix_approval_seats_waiting", "approver_id", postgresql_where="waiting"),
        Index(
            "ix_approval_seats_waiting_held",
            "permission",
            "role_id",
            postgresql_where="waiting AND approver_id IS NULL",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    approval_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("approvals.id", ondelete="CASCADE"))
    step: Mapped[int]
    position: Mapped[int]
    approver_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    permission: Mapped[str | None] = mapped_column(Text)
    role_id: Mapped[str | None] = mapped_column(Text)
    delegated_from_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    waiting: Mapped[bool] = mapped_column(default=False)
    decision: Mapped[str | None] = mapped_column(Text)
    decided_by_id: Mapped[str | None] = mapped_column(Text)
    comment: Mapped[str] = mapped_column(Text, default="")
    decide_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


approval_access = Table(
    "approval_access",
    Base.metadata,
    Column("approval_id", Uuid, ForeignKey("approvals.id", ondelete="CASCADE"), nullable=False),
    Column("branch_path", Text),
    Column("owner_id", Uuid),
    Column("team_id", Uuid),
    Index("uq_approval_access_approval_id_owner_id", "approval_id", "owner_id", unique=True),
    Index("ix_approval_access_owner_id", "owner_id"),
)
"""Who sees an approval because of a seat, now or once."""


class Approval(Aggregate, Base):
    __tablename__ = "approvals"
    __table_args__ = (
        Index(
            "uq_approvals_subject_pending",
            "subject_type",
            "subject_id",
            unique=True,
            postgresql_where="state = 'pending'",
        ),
        Index("ix_approvals_owner_id", "owner_id", "create_time", "id"),
        Index("ix_approvals_branch_path", "branch_path", "create_time", "id"),
        Index("ix_approvals_team_id", "team_id", "create_time", "id"),
        Index("ix_approvals_create_time", "create_time", "id"),
        Index(
            "ix_approvals_deadline_time",
            "deadline_time",
            postgresql_where="state = 'pending' AND NOT overdue_noted",
        ),
    )
    aggregate_type: ClassVar[str] = "approval"

    display_name: Mapped[str] = mapped_column(Text)
    subject_type: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    amount: Mapped[Decimal | None] = mapped_column(Numeric)
    currency_code: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    current_step: Mapped[int] = mapped_column(default=0)
    policy_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    comment: Mapped[str] = mapped_column(Text, default="")
    deadline_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    overdue_noted: Mapped[bool] = mapped_column(default=False)
    close_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    requester_id: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    team_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    seats: Mapped[list[ApprovalSeat]] = relationship(
        order_by=[ApprovalSeat.step, ApprovalSeat.position], cascade="all, delete-orphan", lazy="raise"
    )

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @property
    def waiting_for(self) -> list[uuid.UUID]:
        """Users whose decision is wanted now."""
        return [seat.approver_id for seat in self.seats if seat.waiting and seat.approver_id]

    def require_pending(self) -> None:
        if self.state != ApprovalState.PENDING:
            raise WrongState("approval", self.state.upper(), ["PENDING"])

    def start(self, now: datetime) -> None:
        """`steps` must be set; makes the seats of all steps and opens the first."""
        self.state, self.create_time = ApprovalState.PENDING, now
        self.seats = [seat for number, step in enumerate(self.steps, 1) for seat in seats_of(number, step)]
        self._begin(1, now)
        self.record("requested", now)

    def approve(self, seat: ApprovalSeat, who: str, comment: str, now: datetime) -> None:
        self._decide(seat, Decision.APPROVED, who, comment, now)
        seats = self._seats(self.current_step)
        if outcome(self._mode(), seats) is ApprovalState.PENDING:
            self._open_seats(seats)
            self.record("seat_approved", now)
        elif self.current_step < len(self.steps):
            self._begin(self.current_step + 1, now)
            self.record("advanced", now)
        else:
            self._close(ApprovalState.APPROVED, now)

    def reject(self, seat: ApprovalSeat, who: str, comment: str, now: datetime) -> None:
        self._decide(seat, Decision.REJECTED, who, comment, now)
        self._close(ApprovalState.REJECTED, now)

    def delegate(
        self, seat: ApprovalSeat, who: uuid.UUID, to: uuid.UUID, comment: str, now: datetime
    ) -> None:
        """Hand an open seat to another user. A seat open to many keeps its step's rights for them."""
        if to == who or to in {other.approver_id for other in self._seats(self.current_step)}:
            raise InvalidArgument([("approver_id", "is the caller or already sits in this step")])
        seat.approver_id, seat.delegated_from_id, seat.comment = to, who, comment
        seat.permission = seat.role_id = None
        self.record("delegated", now)

    def recall(self, who: str, now: datetime) -> None:
        self.require_pending()
        if self.requester_id != who:
            raise NotTheRequester("only who asked for the approval may take it back")
        self.withdraw(now)

    def withdraw(self, now: datetime) -> None:
        """Its subject no longer waits for it."""
        self.require_pending()
        self._close(ApprovalState.RECALLED, now)

    def miss_deadline(self, now: datetime) -> bool:
        """The deadline of the current step passed. True when that ends the approval."""
        self.overdue_noted = True
        if self.steps[self.current_step - 1].get("deadline_action") == DeadlineAction.EXPIRE:
            self._close(ApprovalState.EXPIRED, now)
            return True
        self.record("overdue", now)
        return False

    def seat_for(self, holds: Callable[[ApprovalSeat], bool]) -> ApprovalSeat:
        """The caller's open seat in the current step."""
        self.require_pending()
        for seat in self.seats:
            if seat.waiting and holds(seat):
                return seat
        raise NotAnApprover("you have no open seat in the current step")

    def _decide(self, seat: ApprovalSeat, decision: Decision, who: str, comment: str, now: datetime) -> None:
        seat.decision, seat.decided_by_id, seat.comment, seat.decide_time = decision, who, comment, now
        seat.waiting = False

    def _begin(self, step: int, now: datetime) -> None:
        self._open_seats([])
        self.current_step = step
        self._open_seats(self._seats(step))
        hours = self.steps[step - 1].get("deadline_hours") or 0
        self.deadline_time = now + timedelta(hours=hours) if hours else None
        self.overdue_noted = False

    def _close(self, state: ApprovalState, now: datetime) -> None:
        self._open_seats([])
        self.state, self.close_time, self.current_step, self.deadline_time = state, now, 0, None
        self.record(state, now)

    def _open_seats(self, seats: Sequence[ApprovalSeat]) -> None:
        waiting = open_seats(self._mode(), seats) if seats else []
        for seat in self.seats:
            seat.waiting = seat in waiting

    def _mode(self) -> str:
        return str(self.steps[self.current_step - 1]["mode"])

    def _seats(self, step: int) -> list[ApprovalSeat]:
        return [seat for seat in self.seats if seat.step == step]


def seats_of(number: int, step: dict[str, Any]) -> list[ApprovalSeat]:
    """Seats of one step: one per user named, or a single one for the holders of a permission or role."""
    if step.get("approver_ids"):
        return [
            ApprovalSeat(
                id=new_id(), step=number, position=position, approver_id=uuid.UUID(user), waiting=False
            )
            for position, user in enumerate(step["approver_ids"])
        ]
    permission, role_id = step.get("permission") or None, step.get("role_id") or None
    return [
        ApprovalSeat(
            id=new_id(), step=number, position=0, permission=permission, role_id=role_id, waiting=False
        )
    ]


class ApprovalPolicy(Aggregate, Base):
    __tablename__ = "approval_policies"
    __table_args__ = (Index("ix_approval_policies_subject_type", "subject_type", "priority", "id"),)
    aggregate_type: ClassVar[str] = "approval_policy"

    display_name: Mapped[str] = mapped_column(Text)
    subject_type: Mapped[str] = mapped_column(Text)
    max_discount_share: Mapped[Decimal | None] = mapped_column(Numeric)
    max_total: Mapped[Decimal | None] = mapped_column(Numeric)
    currency_code: Mapped[str | None] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(default=0)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str | None] = mapped_column(Text)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    disabled: Mapped[bool] = mapped_column(default=False)


scope_table(Approval, "approvals.read", team="team_id", shares=approval_access)
