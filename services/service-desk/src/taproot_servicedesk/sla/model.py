"""Policies and the clocks they start."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import Index, Interval, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_records.keeping import Kept
from taproot_servicedesk.base import Base
from taproot_servicedesk.calendars.worktime import ZERO, WorkTime
from taproot_servicedesk.sla.clock import Alarm, Clock, ClockState, Promise
from taproot_servicedesk.sla.matching import PolicyRule, Step, Target
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, TeamOwned
from taproot_storage.visibility import scope_table


class SlaPolicy(Customizable, Kept, Base):
    """`targets`: {metric, target_seconds, warning_percent, escalation_steps: [...]}, one per metric."""

    __tablename__ = "sla_policies"
    aggregate_type: ClassVar[str] = "sla_policy"

    display_name: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)
    rank: Mapped[int] = mapped_column(default=100)
    kinds: Mapped[list[str]] = mapped_column(default=list)
    priorities: Mapped[list[str]] = mapped_column(default=list)
    value_classes: Mapped[list[str]] = mapped_column(default=list)
    categories: Mapped[list[str]] = mapped_column(default=list)
    calendar_id: Mapped[uuid.UUID | None]
    runs_while_waiting: Mapped[bool] = mapped_column(default=False)
    targets: Mapped[list[dict[str, Any]]] = mapped_column(default=list)

    def faults(self) -> list[tuple[str, str]]:
        found = self.missing("display_name")
        if not self.targets:
            found.append(("targets", "at least one promise is required"))
        metrics = [target["metric"] for target in self.targets]
        if len(set(metrics)) < len(metrics):
            found.append(("targets", "one promise per metric"))
        for position, target in enumerate(self.targets):
            after = [step["after_seconds"] for step in target["escalation_steps"]]
            if after != sorted(after):
                found.append((f"targets[{position}].escalation_steps", "must be in order of time"))
        return found

    @property
    def rule(self) -> PolicyRule:
        return PolicyRule(
            id=self.id,
            rank=self.rank,
            targets=tuple(_target(target) for target in self.targets),
            kinds=frozenset(self.kinds),
            priorities=frozenset(self.priorities),
            value_classes=frozenset(self.value_classes),
            categories=frozenset(self.categories),
            calendar_id=self.calendar_id,
            runs_while_waiting=self.runs_while_waiting,
        )


def _target(stored: dict[str, Any]) -> Target:
    return Target(
        metric=stored["metric"],
        target=timedelta(seconds=stored["target_seconds"]),
        warning_percent=stored["warning_percent"] or 80,
        steps=tuple(map(step_of, stored["escalation_steps"])),
    )


def step_of(stored: dict[str, Any]) -> Step:
    return Step(
        after=timedelta(seconds=stored["after_seconds"]),
        owner_id=uuid.UUID(stored["owner_id"]) if stored["owner_id"] else None,
        queue_id=uuid.UUID(stored["queue_id"]) if stored["queue_id"] else None,
        priority=stored["priority"],
    )


def stored_step(step: Step) -> dict[str, Any]:
    return {
        "after_seconds": int(step.after.total_seconds()),
        "owner_id": str(step.owner_id or ""),
        "queue_id": str(step.queue_id or ""),
        "priority": step.priority,
    }


class SlaClock(TeamOwned, Aggregate, Base):
    """One promise on one ticket. Rules are in `clock.py`; this holds its state and the instants that follow."""

    __tablename__ = "sla_clocks"
    __table_args__ = (
        Index("ix_sla_clocks_ticket_id", "ticket_id"),
        Index("ix_sla_clocks_next_time", "next_time", postgresql_where=text("next_time IS NOT NULL")),
        Index("ix_sla_clocks_calendar_id", "calendar_id", postgresql_where=text("state = 'running'")),
        Index("ix_sla_clocks_owner_id", "owner_id", "create_time", "id"),
        Index("ix_sla_clocks_branch_path", "branch_path", "create_time", "id"),
        Index("ix_sla_clocks_team_id", "team_id", "create_time", "id"),
        Index("ix_sla_clocks_customer_id", "customer_id", "create_time", "id"),
        Index("ix_sla_clocks_create_time", "create_time", "id"),
    )
    aggregate_type: ClassVar[str] = "sla"

    ticket_id: Mapped[uuid.UUID]
    sla_policy_id: Mapped[uuid.UUID]
    calendar_id: Mapped[uuid.UUID | None]
    metric: Mapped[str]
    state: Mapped[str] = mapped_column(default=ClockState.RUNNING)
    runs_while_waiting: Mapped[bool] = mapped_column(default=False)
    start_time: Mapped[datetime]
    target: Mapped[timedelta] = mapped_column(Interval)
    warning_percent: Mapped[int]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    used: Mapped[timedelta] = mapped_column(Interval, default=ZERO)
    running_since: Mapped[datetime | None]
    stop_time: Mapped[datetime | None]
    warned: Mapped[bool] = mapped_column(default=False)
    breached: Mapped[bool] = mapped_column(default=False)
    steps_taken: Mapped[int] = mapped_column(default=0)
    warning_time: Mapped[datetime | None]
    due_time: Mapped[datetime | None]
    next_time: Mapped[datetime | None]
    target_seconds: Mapped[int] = mapped_column(default=0)
    elapsed_seconds: Mapped[int] = mapped_column(default=0)
    ticket_kind: Mapped[str]
    ticket_priority: Mapped[str]
    queue_id: Mapped[uuid.UUID | None]
    customer_id: Mapped[uuid.UUID | None]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @property
    def promise(self) -> Promise:
        return Promise(self.target, self.warning_percent, tuple(step_of(step).after for step in self.steps))

    @property
    def clock(self) -> Clock:
        return Clock(
            promise=self.promise,
            start_time=self.start_time,
            state=ClockState(self.state),
            used=self.used,
            running_since=self.running_since,
            stop_time=self.stop_time,
            warned=self.warned,
            breached=self.breached,
            steps_taken=self.steps_taken,
        )

    def keep(self, clock: Clock, calendar: WorkTime, now: datetime) -> None:
        """Store a state of the clock and the instants that follow from it."""
        self.state, self.used, self.running_since = clock.state, clock.used, clock.running_since
        self.stop_time, self.warned, self.breached = clock.stop_time, clock.warned, clock.breached
        self.steps_taken = clock.steps_taken
        self.due_time, self.warning_time = clock.due_time(calendar), clock.warning_time(calendar)
        following = clock.next_alarm(calendar)
        self.next_time = following[1] if following else None
        self.target_seconds = int(clock.promise.target.total_seconds())
        self.elapsed_seconds = int(clock.used.total_seconds())
        self.update_time = now

    def promise_anew(self, target: Target, rule: PolicyRule) -> None:
        """Another policy's promise; the state is kept by the caller with `keep`."""
        self.sla_policy_id, self.calendar_id = rule.id, rule.calendar_id
        self.runs_while_waiting = rule.runs_while_waiting
        self.target, self.warning_percent = target.target, target.warning_percent
        self.steps = [stored_step(step) for step in target.steps]

    def announce(self, alarm: Alarm, now: datetime, ticket: Any) -> None:
        """Record `sla.warning` or `sla.breached`; the event carries the ticket too."""
        self.record("warning" if alarm is Alarm.WARNING else "breached", now, ticket=ticket)


scope_table(SlaClock, "tickets.read", team="team_id", party="customer_id")
