"""An opportunity: its verbs, what they demand, what they record."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from sqlalchemy import Column, Date, DateTime, Index, Integer, Numeric, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, InvalidArgument, WrongState
from taproot_base.text import search_tokens
from taproot_chassis.placement import Place
from taproot_records.keeping import Recyclable, Sorted
from taproot_sales.base import Base
from taproot_sales.pipelines.rules import LOST, OPEN, WON, Stage, expected_amount, stall_time
from taproot_sales.pricing.currency import round_money
from taproot_storage.model import Customizable, TeamOwned, custom_tokens
from taproot_storage.visibility import scope_table

Instant = DateTime(timezone=True)


class OpportunityState(StrEnum):
    OPEN = OPEN
    WON = WON
    LOST = LOST


_FORECAST_AT_CLOSE = {WON: "closed", LOST: "omitted"}


class OpportunityNotOpen(WrongState):
    reason = "OPPORTUNITY_NOT_OPEN"

    def __init__(self, state: str) -> None:
        super().__init__("the opportunity", state.upper(), ["OPEN"])


class OpportunityNotClosed(WrongState):
    reason = "OPPORTUNITY_NOT_CLOSED"

    def __init__(self, state: str) -> None:
        super().__init__("the opportunity", state.upper(), ["WON", "LOST"])


class OpportunityExternalIdExists(AlreadyExists):
    reason = "OPPORTUNITY_EXTERNAL_ID_EXISTS"

    def __init__(self, external_id: str = "") -> None:
        super().__init__("an opportunity with this external_id exists", external_id=external_id)


class Opportunity(Recyclable, Sorted, TeamOwned, Customizable, Base):
    __tablename__ = "opportunities"
    aggregate_type = "opportunity"
    refusals = {"uq_opportunities_external_id": OpportunityExternalIdExists}  # noqa: RUF012  # a constant of the class

    search: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    contact_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    lead_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    pipeline_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    stage: Mapped[str] = mapped_column(Text)
    last_open_stage: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(Text, default=OPEN)
    amount: Mapped[Decimal | None] = mapped_column(Numeric)
    currency_code: Mapped[str | None] = mapped_column(Text)
    probability: Mapped[int] = mapped_column(Integer, default=0)
    expected_amount: Mapped[Decimal | None] = mapped_column(Numeric)
    forecast_category: Mapped[str] = mapped_column(Text, default="pipeline")
    expected_close_date: Mapped[date | None] = mapped_column(Date)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    product_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    next_step: Mapped[str] = mapped_column(Text, default="")
    next_step_date: Mapped[date | None] = mapped_column(Date)
    competitors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    competitor_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    member_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    source: Mapped[str] = mapped_column(Text, default="")
    region: Mapped[str] = mapped_column(Text, default="")
    campaign_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    loss_reason: Mapped[str] = mapped_column(Text, default="")
    loss_competitor_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    close_note: Mapped[str] = mapped_column(Text, default="")
    open_time: Mapped[datetime] = mapped_column(Instant)
    close_time: Mapped[datetime | None] = mapped_column(Instant)
    stage_enter_time: Mapped[datetime] = mapped_column(Instant)
    stall_time: Mapped[datetime | None] = mapped_column(Instant)
    stall_noted: Mapped[bool] = mapped_column(default=False)
    external_id: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_opportunities_create_time", "create_time", "id"),
        Index("ix_opportunities_owner", "owner_id", "create_time", "id"),
        Index("ix_opportunities_team", "team_id", "create_time", "id"),
        Index("ix_opportunities_branch", "branch_path", "create_time", "id"),
        Index("ix_opportunities_customer", "customer_id", "create_time", "id"),
        Index("ix_opportunities_stage", "pipeline_id", "stage", "create_time", "id"),
        Index("ix_opportunities_search", "search", postgresql_using="gin"),
        Index("ix_opportunities_competitors", "competitor_ids", postgresql_using="gin"),
        Index("uq_opportunities_external_id", "external_id", unique=True),
        Index(
            "ix_opportunities_stall",
            "stall_time",
            postgresql_where=text("state = 'open' AND stall_time IS NOT NULL AND NOT stall_noted"),
        ),
    )

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @classmethod
    def open(cls, values: dict[str, Any], stage: Stage, now: datetime) -> Opportunity:
        """A new deal, or one of the past when `stage` is closed or times are given in `values`."""
        deal = cls(**{"open_time": now} | values, create_time=now, update_time=now, stage=stage.key)
        deal.state = stage.kind
        if stage.kind == OPEN:
            deal._enter(stage, deal.open_time, values.get("probability"))
        else:
            deal.close_time = deal.close_time or now
            deal._close(stage, deal.close_time)
            deal.loss_reason = "other" if stage.kind == LOST else ""
        deal._check_at(now)
        deal.record("created", now)
        return deal

    def change_in(self, stage: Stage, values: dict[str, Any], now: datetime) -> None:
        """`stage` is the one it is in: it gives the probability when that is set back to none."""
        if values.get("probability", 0) is None:
            values = values | {"probability": stage.probability}
        if self.state != OPEN:
            values = values | {"probability": stage.probability, "forecast_category": self.forecast_category}
        self.set_all(values)
        self._check_at(now)
        self.record("updated", now)

    def _check_at(self, now: datetime) -> None:
        faults = self.missing("display_name") + self._time_faults(now) + self._amount_faults()
        if faults:
            raise InvalidArgument([(f"opportunity.{name}", text) for name, text in faults])
        self.forecast_category = self.forecast_category or "pipeline"
        self.sort_by_name()
        found = search_tokens(self.display_name, self.next_step, self.external_id or "")
        self.search = [*found, *custom_tokens(self)]
        self.product_ids = [uuid.UUID(line["product_id"]) for line in self.lines if line["product_id"]]
        self.competitor_ids = [uuid.UUID(seen["competitor_id"]) for seen in self.competitors]
        self._derive_amounts()

    def _time_faults(self, now: datetime) -> list[tuple[str, str]]:
        faults = []
        if self.open_time > now:
            faults.append(("open_time", "lies in the future"))
        if self.close_time is not None and self.state == OPEN:
            faults.append(("close_time", "is for a closed stage only"))
        if self.close_time is not None and not self.open_time <= self.close_time <= now:
            faults.append(("close_time", "lies before open_time or in the future"))
        return faults

    def _amount_faults(self) -> list[tuple[str, str]]:
        currencies = {line["unit_price"]["currency_code"] for line in priced_lines(self.lines)}
        if len(currencies) > 1:
            return [("lines", "all prices are in one currency")]
        if self.amount is not None and self.amount < 0:
            return [("amount", "is not below zero")]
        return []

    def _derive_amounts(self) -> None:
        priced = priced_lines(self.lines)
        if priced:
            self.currency_code = priced[0]["unit_price"]["currency_code"]
            self.amount = sum((line_amount(line) for line in priced), Decimal(0))
        if self.amount is None or self.currency_code is None:
            self.expected_amount = None
        else:
            self.expected_amount = expected_amount(self.amount, self.currency_code, self.probability)

    def _enter(self, stage: Stage, when: datetime, probability: int | None = None) -> None:
        self.stage, self.state = stage.key, stage.kind
        self.stage_enter_time, self.stall_time = when, stall_time(stage, when)
        self.stall_noted = False
        self.probability = stage.probability if probability is None else probability
        if stage.kind == OPEN:
            self.last_open_stage = stage.key

    def _close(self, stage: Stage, when: datetime) -> None:
        self._enter(stage, when)
        self.close_time = when
        self.forecast_category = _FORECAST_AT_CLOSE[stage.kind]

    def require_open(self) -> None:
        if self.state != OPEN:
            raise OpportunityNotOpen(self.state)

    def move(self, stage: Stage, now: datetime) -> None:
        """To an open stage, forward or back; to the one it is in: nothing happens."""
        self.require_open()
        if stage.key == self.stage:
            return
        before = self.stage
        self._enter(stage, now)
        self._derive_amounts()
        self.record("stage_moved", now, previous_stage=before)

    def win(self, stage: Stage, note: str, now: datetime) -> None:
        self.require_open()
        before = self.stage
        self.close_note = note
        self._close(stage, now)
        self._derive_amounts()
        self.record("won", now, previous_stage=before)

    def lose(
        self, stage: Stage, reason: str, note: str, competitor_id: uuid.UUID | None, now: datetime
    ) -> None:
        self.require_open()
        if reason == "other" and not note:
            raise InvalidArgument([("note", "is required with OTHER")])
        before = self.stage
        self.loss_reason, self.close_note, self.loss_competitor_id = reason, note, competitor_id
        self._see(competitor_id)
        self._close(stage, now)
        self._derive_amounts()
        self.record("lost", now, previous_stage=before)

    def _see(self, competitor_id: uuid.UUID | None) -> None:
        """Who took the deal was seen in it."""
        if competitor_id is not None and competitor_id not in self.competitor_ids:
            self.competitors = [*self.competitors, {"competitor_id": str(competitor_id), "note": ""}]
            self.competitor_ids = [*self.competitor_ids, competitor_id]

    def reopen(self, stage: Stage, now: datetime) -> None:
        if self.state == OPEN:
            raise OpportunityNotClosed(self.state)
        before = self.stage
        self.close_time, self.close_note, self.loss_reason, self.loss_competitor_id = None, "", "", None
        self.forecast_category = "pipeline"
        self._enter(stage, now)
        self._derive_amounts()
        self.record("reopened", now, previous_stage=before)

    def assign(self, place: Place, now: datetime) -> None:
        before = {"previous_owner_id": self.owner_id, "previous_branch_id": self.branch_id}
        self.owner_id, self.branch_id, self.branch_path = place.owner_id, place.branch_id, place.branch_path
        self.record("assigned", now, **before)

    def note_stall(self, now: datetime) -> None:
        self.stall_noted = True
        self.record("stalled", now)


opportunity_members = Table(
    "opportunity_members",
    Base.metadata,
    Column("opportunity_id", Uuid, primary_key=True),
    Column("owner_id", Uuid, primary_key=True),
    Column("branch_path", Text),
    Column("team_id", Uuid),
    Index("ix_opportunity_members_owner_id", "owner_id", "opportunity_id"),
)

scope_table(Opportunity, "opportunities.read", team="team_id", shares=opportunity_members)


class StageChange(Base):
    """One move of a deal, kept for the history of its stages."""

    __tablename__ = "opportunity_stage_changes"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    opportunity_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    number: Mapped[int] = mapped_column(Integer)
    from_stage: Mapped[str] = mapped_column(Text)
    to_stage: Mapped[str] = mapped_column(Text)
    change_time: Mapped[datetime] = mapped_column(Instant)
    changed_by: Mapped[str] = mapped_column(Text)
    seconds_in_from_stage: Mapped[int] = mapped_column(Integer, default=0)
    amount: Mapped[Decimal | None] = mapped_column(Numeric)
    currency_code: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("uq_opportunity_stage_changes_number", "opportunity_id", "number", unique=True),)


def priced_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line.get("unit_price")]


def line_amount(line: dict[str, Any]) -> Decimal:
    """Of a priced line."""
    price = line["unit_price"]
    exact = Fraction(Decimal(line["quantity"])) * Fraction(Decimal(price["amount"]))
    return round_money(exact, price["currency_code"])
