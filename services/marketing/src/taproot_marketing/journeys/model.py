"""Journeys, their versions, and the customers on them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, InvalidArgument, WrongState
from taproot_marketing.base import Base
from taproot_marketing.journeys.definition import Definition, EventTrigger, SegmentTrigger, check, parse
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, Owned
from taproot_storage.visibility import scope_table


class JourneyKeyTaken(AlreadyExists):
    reason = "JOURNEY_KEY_TAKEN"

    def __init__(self, key: str) -> None:
        super().__init__(f"another journey has the key {key}", key=key)


class JourneyNotReady(AppError):
    reason = "JOURNEY_NOT_READY"

    def __init__(self, missing: str) -> None:
        super().__init__(f"the journey cannot start: {missing}", missing=missing)


class JourneyNotActive(AppError):
    reason = "JOURNEY_NOT_ACTIVE"

    def __init__(self) -> None:
        super().__init__("the journey lets nobody in: activate it first")


class JourneyInUse(AppError):
    reason = "JOURNEY_IN_USE"

    def __init__(self) -> None:
        super().__init__("customers have entered this journey; archive it instead")


class RunNotActive(AppError):
    reason = "RUN_NOT_ACTIVE"

    def __init__(self, state: str) -> None:
        super().__init__(f"the run is {state}", state=state)


class RunNotFailed(AppError):
    reason = "RUN_NOT_FAILED"

    def __init__(self, state: str) -> None:
        super().__init__(f"the run is {state}; only failed ones can be retried", state=state)


class Journey(Aggregate, Owned, Customizable, Base):
    __tablename__ = "journeys"
    __table_args__ = (
        Index("uq_journeys_key", "key", unique=True, postgresql_where=text("key <> ''")),
        Index("ix_journeys_create_time", "create_time", "id"),
        Index("ix_journeys_branch_path", "branch_path", "create_time", "id"),
        Index("ix_journeys_owner_id", "owner_id", "create_time", "id"),
        Index(
            "ix_journeys_listening", "trigger_kind", "trigger_name", postgresql_where=text("state = 'active'")
        ),
    )
    aggregate_type = "journey"

    display_name: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    key: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    trigger: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    journey_version: Mapped[int]
    trigger_kind: Mapped[str]
    """`event`, `date`, `segment` or empty; with `trigger_name` what active journeys are found by."""
    trigger_name: Mapped[str]
    activate_time: Mapped[datetime | None]

    @classmethod
    def create(
        cls, journey_id: uuid.UUID, values: dict[str, Any], fault_of: Callable[[str], str], now: datetime
    ) -> Journey:
        journey = cls(id=journey_id, state="draft", create_time=now, journey_version=0)
        journey._set(values, fault_of)
        journey.record("created", now)
        return journey

    def change(self, values: dict[str, Any], fault_of: Callable[[str], str], now: datetime) -> None:
        if self.state == "archived":
            raise WrongState("journey", self.state, ("draft", "active", "paused"))
        self._set(values, fault_of)
        if self.state == "active":
            self._require_ready()
        self.record("updated", now)

    def _set(self, values: dict[str, Any], fault_of: Callable[[str], str]) -> None:
        before = (self.trigger, self.steps)
        self.set_all(values)
        if not self.display_name:
            raise InvalidArgument([("journey.display_name", "must be given")])
        check(self.trigger, self.steps, fault_of)
        if self.journey_version == 0 or before != (self.trigger, self.steps):
            self.journey_version += 1
        self.trigger_kind, self.trigger_name = _listens_to(self.definition)

    @property
    def definition(self) -> Definition:
        return parse(self.trigger, self.steps)

    def _require_ready(self) -> None:
        if not self.steps:
            raise JourneyNotReady("it has no steps")

    def activate(self, now: datetime) -> None:
        if self.state not in ("draft", "paused"):
            raise WrongState("journey", self.state, ("draft", "paused"))
        self._require_ready()
        self.state, self.activate_time = "active", now
        self.record("activated", now)

    def pause(self, now: datetime) -> None:
        if self.state != "active":
            raise WrongState("journey", self.state, ("active",))
        self.state = "paused"
        self.record("paused", now)

    def archive(self, now: datetime) -> None:
        if self.state == "archived":
            raise WrongState("journey", self.state, ("draft", "active", "paused"))
        self.state = "archived"
        self.record("archived", now)

    def remove(self, now: datetime) -> None:
        self.record("deleted", now)


def _listens_to(definition: Definition) -> tuple[str, str]:
    trigger = definition.trigger
    if trigger is None:
        return "", ""
    if isinstance(trigger, EventTrigger):
        return "event", trigger.event_type
    if isinstance(trigger, SegmentTrigger):
        return "segment", str(trigger.segment_id)
    return "date", "entitlement_end"


class JourneyVersion(Base):
    """Steps as they were: a run keeps the version it began with."""

    __tablename__ = "journey_versions"

    journey_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class JourneyRun(Aggregate, Owned, Base):
    __tablename__ = "journey_runs"
    __table_args__ = (
        Index("uq_journey_runs_business_key", "journey_id", "customer_id", "business_key", unique=True),
        Index("ix_journey_runs_due", "next_time", "id", postgresql_where=text("state = 'active'")),
        Index("ix_journey_runs_create_time", "create_time", "id"),
        Index("ix_journey_runs_branch_path", "branch_path", "create_time", "id"),
        Index("ix_journey_runs_owner_id", "owner_id", "create_time", "id"),
        Index("ix_journey_runs_customer_id", "customer_id", "create_time", "id"),
        Index("ix_journey_runs_step", "journey_id", "state", "step"),
    )
    aggregate_type = "journey_run"

    journey_id: Mapped[uuid.UUID]
    journey_version: Mapped[int]
    customer_id: Mapped[uuid.UUID]
    display_name: Mapped[str]
    business_key: Mapped[str]
    state: Mapped[str]
    step: Mapped[str]
    next_time: Mapped[datetime | None]
    context: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What let the customer in, without what is personal."""
    private: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The same in full, for placeholders and filters; never published."""
    error: Mapped[str]
    failures: Mapped[int]
    steps_done: Mapped[int]
    traceparent: Mapped[str]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def move_to(self, step: str, at: datetime, now: datetime) -> None:
        """Stand before `step`; an empty one is the end."""
        self.error, self.failures = "", 0
        self.step, self.next_time = step, at if step else None
        self.update_time = now
        if not step:
            self.state = "completed"
            self.record("completed", now)

    def stumble(self, error: str, retry_at: datetime | None, now: datetime) -> None:
        """A step failed: try again later, or for good when there is no later."""
        self.error, self.failures, self.next_time = error[:500], self.failures + 1, retry_at
        self.update_time = now
        if retry_at is None:
            self.state = "failed"
            self.record("failed", now)

    def cancel(self, now: datetime) -> None:
        if self.state != "active":
            raise RunNotActive(self.state)
        self.state, self.next_time = "cancelled", None
        self.record("cancelled", now)

    def retry(self, now: datetime) -> None:
        if self.state != "failed":
            raise RunNotFailed(self.state)
        self.state, self.next_time, self.failures, self.error = "active", now, 0, ""
        self.record("retried", now)


class JourneyRunStep(Base):
    """A step that was done: its key makes the effect happen once, in the transaction of the effect."""

    __tablename__ = "journey_run_steps"
    __table_args__ = (Index("ix_journey_run_steps_journey_id", "journey_id", "step", "result"),)

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    journey_id: Mapped[uuid.UUID]
    result: Mapped[str]
    effect_id: Mapped[str]
    done_time: Mapped[datetime]
    trace_id: Mapped[str]


scope_table(Journey, "journeys.read")
scope_table(JourneyRun, "journeys.read")
