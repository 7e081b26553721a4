"""Tasks between protobuf and columns."""

from __future__ import annotations

from taproot.customer.events.v1.task_event_pb2 import TaskEvent
from taproot.customer.v1 import task_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.tasks.model import Task
from taproot_customer.tasks.queries import SHELF
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def to_event(task: Task, recorded: Recorded) -> TaskEvent:
    return TaskEvent(
        task=SHELF.message(row_of(task)),
        previous_owner_id=wire.text_of(recorded.detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(recorded.detail.get("previous_branch_id")),
    )


def check_new(message: pb.Task) -> None:
    violations = []
    if not message.display_name:
        violations.append(Violation("task.display_name", "say what is to do"))
    if (message.recurrence or message.recurrence_rule) and not message.HasField("due_time"):
        violations.append(Violation("task.due_time", "a recurring task needs a due time"))
    if violations:
        raise InvalidArgument(violations)
