"""The ledger of messages."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError
from taproot_marketing.base import Base
from taproot_marketing.deliveries.rules import WAITING, Answer, Outcome, State, outcome_of
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Owned
from taproot_storage.visibility import scope_table


class DeliveryNotWaiting(AppError):
    reason = "DELIVERY_NOT_WAITING"

    def __init__(self, state: str) -> None:
        super().__init__(f"the message is {state}; only waiting ones can be taken back", state=state)


class DeliveryNotUncertain(AppError):
    reason = "DELIVERY_NOT_UNCERTAIN"

    def __init__(self, state: str) -> None:
        super().__init__(f"the message is {state}; only uncertain ones can be resolved", state=state)


class Delivery(Aggregate, Owned, Base):
    __tablename__ = "deliveries"
    __table_args__ = (
        Index("uq_deliveries_business_key", "business_key", unique=True),
        Index("uq_deliveries_message_id", "message_id", unique=True),
        Index(
            "ix_deliveries_due",
            "next_attempt_time",
            "id",
            postgresql_where=text("state IN ('queued', 'failed_temporary')"),
        ),
        Index("ix_deliveries_claimed", "claim_time", postgresql_where=text("state = 'claimed'")),
        Index("ix_deliveries_create_time", "create_time", "id"),
        Index("ix_deliveries_branch_path", "branch_path", "create_time", "id"),
        Index("ix_deliveries_owner_id", "owner_id", "create_time", "id"),
        Index("ix_deliveries_customer_id", "customer_id", "create_time", "id"),
        Index("ix_deliveries_journey_id", "journey_id", "journey_step", "state"),
        Index("ix_deliveries_campaign_id", "campaign_id", "state"),
        Index("ix_deliveries_template_id", "template_id"),
    )
    aggregate_type = "delivery"

    display_name: Mapped[str]
    state: Mapped[str]
    source: Mapped[str]
    business_key: Mapped[str]
    customer_id: Mapped[uuid.UUID | None]
    address: Mapped[str]
    """Where to send when it is not the customer's address: tests, confirmation links."""
    address_key: Mapped[str]
    """`rules.address_key` of `address`, by which the suppression list is asked."""
    recipient: Mapped[str]
    recipient_domain: Mapped[str]
    message_class: Mapped[str]
    template_id: Mapped[uuid.UUID]
    language_code: Mapped[str]
    journey_id: Mapped[uuid.UUID | None]
    journey_run_id: Mapped[uuid.UUID | None]
    journey_step: Mapped[str]
    campaign_id: Mapped[uuid.UUID | None]
    context: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Values for placeholders beyond the customer's own; may be personal, never published."""
    message_id: Mapped[str]
    attempt_count: Mapped[int]
    next_attempt_time: Mapped[datetime | None]
    smtp_code: Mapped[int]
    reason: Mapped[str]
    claim_id: Mapped[uuid.UUID | None]
    claim_time: Mapped[datetime | None]
    sent_time: Mapped[datetime | None]
    traceparent: Mapped[str]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def suppress(self, reason: str, now: datetime) -> None:
        """Not to be sent, for the reason given."""
        self.state, self.reason, self.next_attempt_time = State.SUPPRESSED, reason, None
        self.context = {}
        self.record("suppressed", now)

    def settle(self, answer: Answer, now: datetime) -> Outcome:
        """Write down what came of the attempt that was claimed."""
        outcome = outcome_of(answer, self.attempt_count, now)
        self.smtp_code = answer.code
        self._move(outcome, now)
        return outcome

    def _move(self, outcome: Outcome, now: datetime) -> None:
        self.state, self.reason = outcome.state, outcome.reason
        self.next_attempt_time, self.claim_id = outcome.next_attempt_time, None
        if outcome.state in (State.SENT, State.BOUNCED):
            self.context = {}  # personal, and not needed any more
        if outcome.state is State.SENT:
            self.sent_time = now
        if outcome.state is State.FAILED_TEMPORARY:
            self.update_time = now  # will be tried again: nothing to tell yet
        else:
            self.record(outcome.state, now)

    def lose(self, now: datetime) -> None:
        """The worker that claimed it is gone: nobody knows whether the server has it."""
        if self.state == State.CLAIMED:
            self.state, self.reason = State.UNCERTAIN, "the worker was lost before the answer came"
            self.record("uncertain", now)

    def cancel(self, now: datetime) -> None:
        if self.state not in WAITING:
            raise DeliveryNotWaiting(self.state)
        self.state, self.next_attempt_time = State.CANCELLED, None
        self.record("cancelled", now)

    def resolve(self, outcome: str, now: datetime) -> None:
        """What staff found out about an uncertain message."""
        if self.state != State.UNCERTAIN:
            raise DeliveryNotUncertain(self.state)
        self.claim_id = None
        if outcome == "arrived":
            self.state, self.sent_time = State.SENT, self.claim_time
        elif outcome == "not_arrived":
            self.state, self.next_attempt_time = State.QUEUED, now
        else:
            self.state = State.BOUNCED
        self.reason = f"resolved by staff: {outcome}"
        self.record("resolved", now)

    def come_back(self, kind: str, reason: str, now: datetime) -> bool:
        """A bounce or complaint after the server had taken it; False when that is known already."""
        note = f"{kind}: {reason}".rstrip(": ")
        if self.state == State.BOUNCED and self.reason == note:
            return False
        self.state, self.reason, self.next_attempt_time = State.BOUNCED, note, None
        self.record("bounced", now)
        return True


class MailQuota(Base):
    """Messages to one domain in one minute, over all processes."""

    __tablename__ = "mail_quotas"

    domain: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


scope_table(Delivery, "deliveries.read")
