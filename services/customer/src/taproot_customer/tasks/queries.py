"""Reads of tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select

from taproot.customer.v1 import task_pb2 as pb
from taproot_customer.tasks.model import OPEN, Task
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.visibility import unscoped

_c = Task.__table__.c

RESOURCE = Resource(
    "task",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("customer_id", _c.customer_id, FieldType.ID, sortable=False),
        Field("display_name", _c.display_name, FieldType.TEXT),
        Field("state", _c.state, FieldType.ENUM, enum=pb.TaskState),
        Field("priority", _c.priority, FieldType.ENUM, enum=pb.TaskPriority),
        Field("recurrence", _c.recurrence, FieldType.ENUM, enum=pb.TaskRecurrence),
        Field("due_time", _c.due_time, FieldType.INSTANT),
        Field("reminder_time", _c.reminder_time, FieldType.INSTANT),
        Field("complete_time", _c.complete_time, FieldType.INSTANT),
        Field("creator_id", _c.creator_id, FieldType.ID, sortable=False),
        Field("owner_id", _c.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="create_time desc",
    id_column=_c.id,
)


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
