"""Campaigns: one message to the members of a segment."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, InvalidArgument, WrongState
from taproot_marketing.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, Owned
from taproot_storage.visibility import scope_table

FIXED_ONCE_STARTED = frozenset({"segment_id", "template_id", "control_percent"})


class CampaignStarted(AppError):
    reason = "CAMPAIGN_STARTED"

    def __init__(self) -> None:
        super().__init__("the campaign has started; segment, template and control share are fixed")


class CampaignNotReady(AppError):
    reason = "CAMPAIGN_NOT_READY"

    def __init__(self, missing: str) -> None:
        super().__init__(f"the campaign cannot start: {missing}", missing=missing)


class Campaign(Aggregate, Owned, Customizable, Base):
    __tablename__ = "campaigns"
    __table_args__ = (
        Index("ix_campaigns_open", "state", postgresql_where=text("state IN ('scheduled', 'running')")),
        Index("ix_campaigns_create_time", "create_time", "id"),
        Index("ix_campaigns_branch_path", "branch_path", "create_time", "id"),
        Index("ix_campaigns_owner_id", "owner_id", "create_time", "id"),
    )
    aggregate_type = "campaign"

    display_name: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    segment_id: Mapped[uuid.UUID | None]
    template_id: Mapped[uuid.UUID | None]
    schedule_time: Mapped[datetime | None]
    control_percent: Mapped[int] = mapped_column(default=0)
    budget_amount: Mapped[Decimal | None] = mapped_column(Numeric(24, 6))
    budget_currency: Mapped[str | None]
    cost_amount: Mapped[Decimal | None] = mapped_column(Numeric(24, 6))
    cost_currency: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    start_time: Mapped[datetime | None]
    end_time: Mapped[datetime | None]

    @classmethod
    def create(cls, campaign_id: uuid.UUID, values: dict[str, Any], now: datetime) -> Campaign:
        campaign = cls(id=campaign_id, state="draft", create_time=now)
        campaign._set(values)
        campaign.record("created", now)
        return campaign

    def change(self, values: dict[str, Any], now: datetime) -> None:
        if self.start_time is not None and any(
            getattr(self, name) != values.get(name, getattr(self, name)) for name in FIXED_ONCE_STARTED
        ):
            raise CampaignStarted
        self._set(values)
        self.record("updated", now)

    def _set(self, values: dict[str, Any]) -> None:
        self.set_all(values)
        if not self.display_name:
            raise InvalidArgument([("campaign.display_name", "must be given")])

    def _require_ready(self) -> None:
        missing = [name for name in ("segment_id", "template_id") if getattr(self, name) is None]
        if missing:
            raise CampaignNotReady(f"{' and '.join(missing)} must be given")

    def _require(self, *states: str) -> None:
        if self.state not in states:
            raise WrongState("campaign", self.state, states)

    def schedule(self, at: datetime, now: datetime) -> None:
        self._require("draft", "scheduled")
        self._require_ready()
        if at < now:
            raise InvalidArgument([("schedule_time", "lies in the past")])
        self.state, self.schedule_time = "scheduled", at
        self.record("scheduled", now)

    def start(self, now: datetime) -> None:
        self._require("draft", "scheduled", "paused")
        self._require_ready()
        self.state, self.start_time = "running", self.start_time or now
        self.record("started", now)

    def pause(self, now: datetime) -> None:
        self._require("running", "scheduled")
        self.state = "paused"
        self.record("paused", now)

    def stop(self, now: datetime) -> None:
        self._require("running", "scheduled", "paused")
        self.state, self.end_time = "stopped", now
        self.record("stopped", now)

    def complete(self, now: datetime) -> None:
        self.state, self.end_time = "completed", now
        self.record("completed", now)

    def remove(self, now: datetime) -> None:
        if self.start_time is not None:
            raise CampaignStarted
        self.record("deleted", now)


class CampaignTarget(Base):
    """A member that was dealt with: sent to, or held back for comparison."""

    __tablename__ = "campaign_targets"

    campaign_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    control: Mapped[bool]


scope_table(Campaign, "campaigns.read")
