"""A lead: its verbs, what they demand, what they record."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, DateTime, Index, Integer, Numeric, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, InvalidArgument, PermissionDenied, WrongState
from taproot_base.text import search_tokens
from taproot_chassis.placement import Place
from taproot_records.keeping import Recyclable, Sorted
from taproot_sales.base import Base
from taproot_sales.leads.clock import feedback_due
from taproot_sales.leads.scoring import ScoreInput, score_lead
from taproot_storage.model import Customizable, TeamOwned, custom_tokens
from taproot_storage.visibility import scope_table

Instant = DateTime(timezone=True)


class LeadState(StrEnum):
    NEW = "new"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    VERIFIED = "verified"
    NURTURING = "nurturing"
    QUALIFIED = "qualified"
    CONVERTED = "converted"
    DISQUALIFIED = "disqualified"


S = LeadState
OPEN_STATES = frozenset({S.NEW, S.ASSIGNED, S.ACCEPTED, S.VERIFIED, S.NURTURING, S.QUALIFIED})
OPEN_SQL = text("delete_time IS NULL AND state NOT IN ('converted', 'disqualified')")
CONVERTIBLE = frozenset({S.ACCEPTED, S.VERIFIED, S.NURTURING, S.QUALIFIED})
SCORED = tuple(ScoreInput.__dataclass_fields__)


class LeadWrongState(WrongState):
    def __init__(self, reason: str, state: str, allowed: frozenset[LeadState]) -> None:
        super().__init__("the lead", state.upper(), [name.upper() for name in allowed])
        self.reason = reason


class LeadExternalIdExists(AlreadyExists):
    reason = "LEAD_EXTERNAL_ID_EXISTS"

    def __init__(self) -> None:
        super().__init__("a lead with this external_id exists")


class LeadNotYours(PermissionDenied):
    reason = "LEAD_NOT_YOURS"

    def __init__(self) -> None:
        super().__init__("only its owner accepts a lead")


class Lead(Recyclable, Sorted, TeamOwned, Customizable, Base):
    __tablename__ = "leads"
    aggregate_type = "lead"
    refusals = {"uq_leads_external_id": LeadExternalIdExists}  # noqa: RUF012  # a constant of the class

    search: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    name: Mapped[str] = mapped_column(Text, default="")
    company: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(Text, default="")
    region: Mapped[str] = mapped_column(Text, default="")
    product_interest: Mapped[str] = mapped_column(Text, default="")
    product_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    source: Mapped[str] = mapped_column(Text, default="manual")
    utm: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    referral_code: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text, default="")
    language_code: Mapped[str] = mapped_column(Text, default="zh-CN")
    campaign_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    form_submission_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    external_id: Mapped[str | None] = mapped_column(Text)
    urgency: Mapped[str] = mapped_column(Text, default="normal")
    estimated_amount: Mapped[Decimal | None] = mapped_column(Numeric)
    currency_code: Mapped[str | None] = mapped_column(Text)
    """Of the estimated amount."""
    behaviour_points: Mapped[int] = mapped_column(Integer, default=0)
    score: Mapped[int] = mapped_column(Integer, default=0)
    score_reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    state: Mapped[str] = mapped_column(Text, default=S.NEW)
    verification: Mapped[str] = mapped_column(Text, default="")
    verification_attempts: Mapped[int] = mapped_column(Integer, default=0)
    verify_time: Mapped[datetime | None] = mapped_column(Instant)
    assign_time: Mapped[datetime | None] = mapped_column(Instant)
    accept_time: Mapped[datetime | None] = mapped_column(Instant)
    feedback_due_time: Mapped[datetime | None] = mapped_column(Instant)
    feedback_remind_time: Mapped[datetime | None] = mapped_column(Instant)
    feedback_time: Mapped[datetime | None] = mapped_column(Instant)
    feedback: Mapped[str] = mapped_column(Text, default="")
    feedback_note: Mapped[str] = mapped_column(Text, default="")
    next_contact_date: Mapped[date | None] = mapped_column(Date)
    recall_count: Mapped[int] = mapped_column(Integer, default=0)
    loss_reason: Mapped[str] = mapped_column(Text, default="")
    loss_note: Mapped[str] = mapped_column(Text, default="")
    loss_competitor_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    loss_survey: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    close_time: Mapped[datetime | None] = mapped_column(Instant)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    opportunity_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)

    __table_args__ = (
        Index("ix_leads_create_time", "create_time", "id"),
        Index("ix_leads_owner", "owner_id", "create_time", "id"),
        Index("ix_leads_team", "team_id", "create_time", "id"),
        Index("ix_leads_branch", "branch_path", "create_time", "id"),
        Index("ix_leads_owner_open", "owner_id", postgresql_where=OPEN_SQL),
        Index("ix_leads_state", "state", "create_time", "id"),
        Index("ix_leads_customer", "customer_id"),
        Index("ix_leads_search", "search", postgresql_using="gin"),
        Index("uq_leads_form_submission_id", "form_submission_id", unique=True),
        Index("uq_leads_external_id", "external_id", unique=True),
        Index(
            "ix_leads_feedback_due",
            "feedback_due_time",
            postgresql_where=text("feedback_due_time IS NOT NULL AND feedback_time IS NULL"),
        ),
    )

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def faults(self) -> list[tuple[str, str]]:
        found = []
        if not (self.name or self.company):
            found.append(("name", "a name or a company is required"))
        if not (self.phone or self.email):
            found.append(("phone", "a phone or an e-mail address is required"))
        self._complete()
        return found

    def _complete(self) -> None:
        self.source, self.urgency = self.source or "manual", self.urgency or "normal"
        self.display_name = self.display_name or self.name or self.company
        self.sort_by_name()
        found = search_tokens(
            self.display_name, self.name, self.company, self.phone, self.email, self.product_interest
        )
        self.search = [*found, *custom_tokens(self)]
        self._rescore()

    def _rescore(self) -> None:
        known = {name: getattr(self, name) for name in SCORED}
        score = score_lead(ScoreInput(**known | {"product_id": str(self.product_id or "")}))
        self.score = score.value
        self.score_reasons = [asdict(reason) for reason in score.reasons]

    def require(self, reason: str, allowed: frozenset[LeadState]) -> None:
        if self.state not in allowed:
            raise LeadWrongState(reason, self.state, allowed)

    def assign(self, place: Place, now: datetime) -> None:
        """Give it to a place; with an owner the feedback clock starts anew."""
        self.require("LEAD_NOT_ASSIGNABLE", OPEN_STATES)
        before = {"previous_owner_id": self.owner_id, "previous_branch_id": self.branch_id}
        self.owner_id, self.branch_id, self.branch_path = place.owner_id, place.branch_id, place.branch_path
        self._restart_clock(now)
        self.record("assigned", now, **before)

    def _restart_clock(self, now: datetime) -> None:
        owned = self.owner_id is not None
        self.assign_time = now if owned else None
        self.feedback_due_time = feedback_due(now) if owned else None
        self.accept_time = self.feedback_time = self.feedback_remind_time = None
        if self.state in {S.NEW, S.ASSIGNED, S.ACCEPTED}:
            self.state = S.ASSIGNED if owned else S.NEW

    def accept(self, by: uuid.UUID | None, now: datetime) -> None:
        if by is None or by != self.owner_id:
            raise LeadNotYours
        self.require("LEAD_NOT_ACCEPTABLE", frozenset({S.ASSIGNED, S.VERIFIED}))
        self.accept_time = now
        if self.state == S.ASSIGNED:
            self.state = S.ACCEPTED
        self.record("accepted", now)

    def verify(self, found: str, urgency: str, note: str, now: datetime) -> None:
        self.require("LEAD_NOT_VERIFIABLE", frozenset({S.NEW, S.ASSIGNED, S.ACCEPTED}))
        self.verification = found
        self.verification_attempts += 1
        self.urgency = urgency or self.urgency
        self._rescore()
        if note:
            self.message = f"{self.message}\n{note}".strip()
        if found == "confirmed":
            self.state, self.verify_time = S.VERIFIED, now
        self.record("verified", now)
        if found == "wrong_data":
            self.disqualify("invalid_contact", note, None, {}, now)

    def give_feedback(self, feedback: str, note: str, next_contact: date | None, now: datetime) -> None:
        self.require("LEAD_NOT_ASSIGNED", OPEN_STATES - {S.NEW})
        if self.owner_id is None:
            raise LeadWrongState("LEAD_NOT_ASSIGNED", "without an owner", OPEN_STATES - {S.NEW})
        self.feedback, self.feedback_note = feedback, note
        self.feedback_time = self.feedback_time or now
        self.next_contact_date = next_contact or self.next_contact_date
        after = {"nurture": S.NURTURING, "qualify": S.QUALIFIED}.get(feedback)
        if after is not None:
            self.state = after
        elif self.state == S.ASSIGNED:
            self.state, self.accept_time = S.ACCEPTED, now
        self.record("feedback_given", now)

    @property
    def waits_for_feedback(self) -> bool:
        open_now = self.state in OPEN_STATES and self.delete_time is None
        return open_now and self.feedback_due_time is not None and self.feedback_time is None

    def remind(self, now: datetime) -> None:
        self.feedback_remind_time = now
        self.record("feedback_due_soon", now)

    def recall(self, now: datetime) -> None:
        """Take it from an owner who has not reported in time."""
        self.record("feedback_overdue", now)
        before = self.owner_id
        self.owner_id = None
        self.recall_count += 1
        self._restart_clock(now)
        self.record("recalled", now, previous_owner_id=before)

    def require_convertible(self) -> None:
        self.require("LEAD_NOT_CONVERTIBLE", CONVERTIBLE)

    def convert(self, customer_id: uuid.UUID, opportunity_id: uuid.UUID, now: datetime) -> None:
        self.require_convertible()
        self.customer_id, self.opportunity_id = customer_id, opportunity_id
        self._close(S.CONVERTED, now)
        self.record("converted", now)

    def disqualify(
        self, reason: str, note: str, competitor_id: uuid.UUID | None, survey: dict[str, Any], now: datetime
    ) -> None:
        self.require("LEAD_CLOSED", OPEN_STATES)
        if reason == "other" and not note:
            raise InvalidArgument([("loss_note", "is required with OTHER")])
        self.loss_reason, self.loss_note = reason, note
        self.loss_competitor_id, self.loss_survey = competitor_id, survey
        self._close(S.DISQUALIFIED, now)
        self.record("disqualified", now)

    def _close(self, state: LeadState, now: datetime) -> None:
        """Closing is the strongest feedback: it stops the clock too."""
        self.state, self.close_time = state, now
        if self.owner_id is not None:
            self.feedback_time = self.feedback_time or now


scope_table(Lead, "leads.read", team="team_id")
