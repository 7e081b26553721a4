"""Activities between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.duration_pb2 import Duration

from taproot.customer.events.v1.activity_event_pb2 import ActivityEvent
from taproot.customer.v1 import activity_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.activities.model import Activity
from taproot_customer.related import from_reference, to_reference
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

KIND, DIRECTION, STATE = "ACTIVITY_KIND_", "ACTIVITY_DIRECTION_", "ACTIVITY_STATE_"
_PLAIN = ("display_name", "body", "outcome", "place")


def to_message(row: Any) -> pb.Activity:
    """From a row of the table or a mapped Activity."""
    read = row.__getitem__ if not isinstance(row, Activity) else lambda name: getattr(row, name)
    message = pb.Activity(
        id=str(read("id")),
        customer_id=str(read("customer_id")),
        kind=wire.enum_number(pb.ActivityKind, read("kind"), KIND),
        direction=wire.enum_number(pb.ActivityDirection, read("direction"), DIRECTION),
        state=wire.enum_number(pb.ActivityState, read("state"), STATE),
        start_time=wire.to_timestamp(read("start_time")),
        contact_id=wire.text_of(read("contact_id")),
        record=to_reference(read("related")),
        comment=read("comment"),
        comment_user_id=wire.text_of(read("comment_user_id")),
        owner_id=wire.text_of(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        delete_time=wire.to_timestamp(read("delete_time")),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
    )
    if read("duration") is not None:
        message.duration.CopyFrom(Duration(seconds=int(read("duration").total_seconds())))
    if read("custom"):
        message.custom.update(read("custom"))
    return message


def to_event(activity: Activity, recorded: Recorded) -> ActivityEvent:
    return ActivityEvent(
        activity=to_message(activity),
        previous_owner_id=wire.text_of(recorded.detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(recorded.detail.get("previous_branch_id")),
    )


def to_values(message: pb.Activity, names: Iterable[str]) -> dict[str, Any]:
    """Columns for the given fields. Raises InvalidArgument with every violation."""
    values: dict[str, Any] = {}
    for name in names:
        if name in _PLAIN:
            values[name] = getattr(message, name)
        elif name == "record":
            values["related"] = from_reference(message, "activity.record")
        elif name in _SPECIAL:
            values[name] = _SPECIAL[name](message)
    return values


def _duration(message: pb.Activity) -> Any:
    return message.duration.ToTimedelta() if message.HasField("duration") else None


_SPECIAL: dict[str, Any] = {
    "kind": lambda m: wire.enum_name(pb.ActivityKind, m.kind, KIND),
    "direction": lambda m: wire.enum_name(pb.ActivityDirection, m.direction, DIRECTION),
    "start_time": lambda m: wire.optional_instant(m, "start_time"),
    "duration": _duration,
    "contact_id": lambda m: wire.optional_uuid(m.contact_id),
    "custom": lambda m: custom_values(m.custom, "activity.custom"),
}
FIELDS = (*_PLAIN, *_SPECIAL, "record")


def check_new(message: pb.Activity) -> None:
    violations = []
    if not message.customer_id:
        violations.append(Violation("activity.customer_id", "say with which customer"))
    if not message.kind:
        violations.append(Violation("activity.kind", "say what kind of touch it is"))
    if not message.display_name:
        violations.append(Violation("activity.display_name", "say what it is about"))
    if message.comment or message.comment_user_id:
        violations.append(Violation("activity.comment", "is left by CommentActivity"))
    if violations:
        raise InvalidArgument(violations)
