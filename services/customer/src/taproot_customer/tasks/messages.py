"""Tasks between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taproot.customer.events.v1.task_event_pb2 import TaskEvent
from taproot.customer.v1 import task_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.related import from_reference, to_reference
from taproot_customer.tasks.model import Task
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

STATE, PRIORITY, RECURRENCE = "TASK_STATE_", "TASK_PRIORITY_", "TASK_RECURRENCE_"
_PLAIN = ("display_name", "body")
_KEYS = ("customer_id", "completed_by_id", "creator_id", "owner_id", "branch_id")
_TIMES = ("due_time", "reminder_time", "complete_time", "create_time", "update_time", "delete_time")


def to_message(row: Any) -> pb.Task:
    """From a row of the table or a mapped Task."""
    read = row.__getitem__ if not isinstance(row, Task) else lambda name: getattr(row, name)
    keys: dict[str, Any] = {name: wire.text_of(read(name)) for name in _KEYS}
    times: dict[str, Any] = {name: wire.to_timestamp(read(name)) for name in _TIMES}
    message = pb.Task(
        id=str(read("id")),
        record=to_reference(read("related")),
        priority=wire.enum_number(pb.TaskPriority, read("priority"), PRIORITY),
        recurrence=wire.enum_number(pb.TaskRecurrence, read("recurrence"), RECURRENCE),
        state=wire.enum_number(pb.TaskState, read("state"), STATE),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
        **keys,
        **times,
    )
    if read("custom"):
        message.custom.update(read("custom"))
    return message


def to_event(task: Task, recorded: Recorded) -> TaskEvent:
    return TaskEvent(
        task=to_message(task),
        previous_owner_id=wire.text_of(recorded.detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(recorded.detail.get("previous_branch_id")),
    )


def to_values(message: pb.Task, names: Iterable[str]) -> dict[str, Any]:
    """Columns for the given fields. Raises InvalidArgument with every violation."""
    values: dict[str, Any] = {}
    for name in names:
        if name in _PLAIN:
            values[name] = getattr(message, name)
        elif name == "record":
            values["related"] = from_reference(message, "task.record")
        elif name in _SPECIAL:
            values[name] = _SPECIAL[name](message)
    return values


_SPECIAL: dict[str, Any] = {
    "due_time": lambda m: wire.optional_instant(m, "due_time"),
    "reminder_time": lambda m: wire.optional_instant(m, "reminder_time"),
    "priority": lambda m: wire.enum_name(pb.TaskPriority, m.priority, PRIORITY) or "normal",
    "recurrence": lambda m: wire.enum_name(pb.TaskRecurrence, m.recurrence, RECURRENCE),
    "custom": lambda m: custom_values(m.custom, "task.custom"),
}
FIELDS = (*_PLAIN, *_SPECIAL, "record")


def check_new(message: pb.Task) -> None:
    violations = []
    if not message.display_name:
        violations.append(Violation("task.display_name", "say what is to do"))
    if message.recurrence and not message.HasField("due_time"):
        violations.append(Violation("task.due_time", "a recurring task needs a due time"))
    if violations:
        raise InvalidArgument(violations)
