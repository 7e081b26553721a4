"""A task: what is to do, by whom and until when."""

from __future__ import annotations

import calendar
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar

from sqlalchemy import DateTime, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import WrongState
from taproot_customer.base import Base, Recyclable
from taproot_storage.visibility import scope_table

OPEN, DONE = "open", "done"
NORMAL = "normal"
_MONTHS = 12


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

    def complete(self, user_id: uuid.UUID | None, zone: tzinfo, now: datetime) -> dict[str, Any] | None:
        """Done; returns the fields of the successor of a recurring task. `zone`: the assignee's."""
        self._require(OPEN)
        self.state, self.complete_time, self.completed_by_id = DONE, now, user_id
        self.record("completed", now)
        if not self.recurrence or self.due_time is None:
            return None
        due = next_due(self.due_time, self.recurrence, zone)
        reminder = self.reminder_time and due - (self.due_time - self.reminder_time)
        kept = (
            "display_name", "body", "customer_id", "related", "priority", "recurrence", "creator_id", "owner_id",
            "branch_id", "branch_path", "custom",
        )  # fmt: skip
        return {name: getattr(self, name) for name in kept} | {"due_time": due, "reminder_time": reminder}

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


def next_due(due: datetime, recurrence: str, zone: tzinfo) -> datetime:
    """When a recurring task is due again: at the same hour of the clock in `zone`, whatever the clocks do between.

    The 31st becomes the last day of a shorter month; an hour the clocks skip is the one after.
    """
    return _next_local(due.astimezone(zone), recurrence).astimezone(UTC)


def _next_local(due: datetime, recurrence: str) -> datetime:
    if recurrence in ("daily", "weekly"):
        return due + timedelta(days=1 if recurrence == "daily" else 7)
    months = due.year * _MONTHS + due.month - 1 + (1 if recurrence == "monthly" else _MONTHS)
    year, month = divmod(months, _MONTHS)
    last = calendar.monthrange(year, month + 1)[1]
    return due.replace(year=year, month=month + 1, day=min(due.day, last))


scope_table(Task, "tasks.read")
