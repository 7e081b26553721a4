"""A task: what is to do, by whom and until when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import WrongState
from taproot_customer.base import Base, Recyclable
from taproot_customer.recurrence.rules import Rule, same_day_rule
from taproot_storage.visibility import scope_table

OPEN, DONE = "open", "done"
NORMAL = "normal"
_SERIES = ("recurrence", "recurrence_rule", "time_zone", "series_start")


class Task(Recyclable, Base):
    __tablename__ = "tasks"
    aggregate_type: ClassVar[str] = "task"

    display_name: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, default="")
    customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    related: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    due_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reminder_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reminded_for: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    overdue_for: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    priority: Mapped[str] = mapped_column(Text, default=NORMAL)
    recurrence: Mapped[str] = mapped_column(Text, default="")
    recurrence_rule: Mapped[str] = mapped_column(Text, default="")
    time_zone: Mapped[str] = mapped_column(Text, default="")
    series_start: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    occurrence_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    state: Mapped[str] = mapped_column(Text, default=OPEN)
    complete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    completed_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    creator_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    business_key: Mapped[str | None] = mapped_column(Text)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    __table_args__ = (
        Index("ix_tasks_customer", "customer_id", "due_time"),
        Index("ix_tasks_owner", "owner_id", "create_time", "id"),
        Index("ix_tasks_owner_due", "owner_id", "due_time"),
        Index(
            "ix_tasks_series",
            "owner_id",
            postgresql_where=text("state = 'open' AND series_start IS NOT NULL"),
        ),
        Index("ix_tasks_branch", "branch_path", "create_time", "id"),
        Index("ix_tasks_recent", "create_time", "id"),
        Index("ix_tasks_reminder", "reminder_time", postgresql_where=text("state = 'open'")),
        Index("ix_tasks_due", "due_time", postgresql_where=text("state = 'open'")),
        Index("uq_tasks_business_key", "business_key", unique=True),
    )

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Task:
        task = cls(id=key, create_time=now, **values)
        task.derive()
        task.record("created", now)
        return task

    def derive(self) -> None:
        self.priority = self.priority or NORMAL
        if self.recurring and self.series_start is None:
            self.series_start = self.occurrence_time = self.due_time

    @property
    def recurring(self) -> bool:
        return bool(self.recurrence or self.recurrence_rule)

    def complete(self, user_id: uuid.UUID | None, zone: ZoneInfo, now: datetime) -> dict[str, Any] | None:
        """Done; returns the fields of the successor of a recurring task. `zone`: the task's."""
        self._require(OPEN)
        self.state, self.complete_time, self.completed_by_id = DONE, now, user_id
        self.record("completed", now)
        following = self._following(zone)
        if following is None:
            return None
        kept = (
            "display_name", "body", "customer_id", "related", "priority", "creator_id", "owner_id", "branch_id",
            "branch_path", "custom", *_SERIES,
        )  # fmt: skip
        return {name: getattr(self, name) for name in kept} | following

    def skip(self, zone: ZoneInfo, now: datetime) -> None:
        """Leave this occurrence out."""
        self._require(OPEN)
        following = self._following(zone)
        if following is None:
            raise WrongState("the task", "the last of its kind", ["recurring, with one to come"])
        for name, value in following.items():
            setattr(self, name, value)
        self.record("skipped", now)

    def rule(self, zone: ZoneInfo) -> Rule | None:
        """How it comes again; None when it does not."""
        start = self.series_start or self.due_time
        if not self.recurring or start is None:
            return None
        text = self.recurrence_rule or same_day_rule(self.recurrence, start.astimezone(zone).date())
        return Rule(start, text, zone)

    def _following(self, zone: ZoneInfo) -> dict[str, Any] | None:
        rule, slot = self.rule(zone), self.occurrence_time or self.due_time
        due = after(rule, slot) if rule is not None and slot is not None else None
        if due is None or slot is None:
            return None
        reminder = self.reminder_time and due - ((self.due_time or slot) - self.reminder_time)
        return {"due_time": due, "reminder_time": reminder, "occurrence_time": due}

    def reopen(self, now: datetime) -> None:
        self._require(DONE)
        self.state, self.complete_time, self.completed_by_id = OPEN, None, None
        self.record("reopened", now)

    def assign(self, owner_id: uuid.UUID, branch_id: uuid.UUID | None, path: str, now: datetime) -> None:
        self.require_alive()
        if self.owner_id == owner_id:
            return
        before = (self.owner_id, self.branch_id)
        self.owner_id, self.branch_id, self.branch_path = owner_id, branch_id, path
        self.record("assigned", now, previous_owner_id=before[0], previous_branch_id=before[1])

    def remind(self, now: datetime) -> None:
        """Tell the assignee, once per reminder time and once per due time."""
        if self.reminder_time and self.reminder_time <= now and self.reminded_for != self.reminder_time:
            self.reminded_for = self.reminder_time
            self.record("reminded", now)
        if self.due_time and self.due_time <= now and self.overdue_for != self.due_time:
            self.overdue_for = self.due_time
            self.record("overdue", now)

    def _require(self, state: str) -> None:
        self.require_alive()
        if self.state != state:
            raise WrongState("the task", self.state, [state])


def next_due(due: datetime, recurrence: str, zone: ZoneInfo, start: datetime | None = None) -> datetime:
    """When a task `daily` to `yearly` is due after `due`: at the same hour of the clock in `zone`, counted from
    `start`, so that the 31st slips to the end of a shorter month and comes back.
    """
    first = start or due
    found = after(Rule(first, same_day_rule(recurrence, first.astimezone(zone).date()), zone), due)
    assert found is not None, "these have no end"
    return found


def after(rule: Rule, due: datetime) -> datetime | None:
    return next(rule.since(due + timedelta(microseconds=1)), None)


scope_table(Task, "tasks.read")
