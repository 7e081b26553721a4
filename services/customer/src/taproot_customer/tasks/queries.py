"""Reads of tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select

from taproot.customer.v1 import task_pb2 as pb
from taproot_customer.references import reference
from taproot_customer.tasks.model import OPEN, Task
from taproot_records.conversions import Conversions
from taproot_records.reading import Shelf, resource_of
from taproot_storage.visibility import unscoped

_c = Task.__table__.c

CONVERSIONS = Conversions(reference("task"))
RESOURCE = resource_of(
    "task",
    Task,
    pb.Task,
    "id customer_id display_name state priority recurrence due_time reminder_time complete_time creator_id owner_id "
    "branch_id create_time update_time custom",
    "create_time desc",
    ("customer_id",),
)
SHELF = Shelf(RESOURCE, Task, pb.Task, CONVERSIONS.fill, _c.delete_time.is_(None))


def to_remind(now: datetime, limit: int) -> Select[Any]:
    """Open tasks whose reminder or due time has come and was not told yet."""
    reminder = and_(_c.reminder_time <= now, _c.reminded_for.is_distinct_from(_c.reminder_time))
    overdue = and_(_c.due_time <= now, _c.overdue_for.is_distinct_from(_c.due_time))
    return (
        select(Task)
        .where(
            _c.state == OPEN,
            _c.delete_time.is_(None),
            or_(reminder, overdue),
            unscoped(Task, "reminders are due for everybody"),
        )
        .order_by(_c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def by_business_key(key: str) -> Select[Any]:
    return select(_c.id).where(_c.business_key == key, unscoped(Task, "a task asked for twice is made once"))
