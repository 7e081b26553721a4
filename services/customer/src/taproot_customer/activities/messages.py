"""Activities between protobuf and columns."""

from __future__ import annotations

from taproot.customer.events.v1.activity_event_pb2 import ActivityEvent
from taproot.customer.v1 import activity_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.activities.model import Activity
from taproot_customer.activities.queries import SHELF
from taproot_customer.recurrence.messages import occurrence_message
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def to_event(activity: Activity, recorded: Recorded) -> ActivityEvent:
    return ActivityEvent(
        activity=SHELF.message(row_of(activity)),
        previous_owner_id=wire.text_of(recorded.detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(recorded.detail.get("previous_branch_id")),
        occurrence=occurrence_message(near) if (near := recorded.detail.get("occurrence")) else None,
    )


def check_new(message: pb.Activity) -> None:
    required = {
        "customer_id": "say with which customer",
        "kind": "say what kind of touch it is",
        "display_name": "say what it is about",
    }
    violations = [
        Violation(f"activity.{name}", text) for name, text in required.items() if not getattr(message, name)
    ]
    if message.comment or message.comment_user_id:
        violations.append(Violation("activity.comment", "is left by CommentActivity"))
    if violations:
        raise InvalidArgument(violations)
