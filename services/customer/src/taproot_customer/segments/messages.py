"""Segments between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taproot.customer.events.v1.segment_event_pb2 import SegmentEvent
from taproot.customer.events.v1.segment_member_event_pb2 import SegmentMemberEvent
from taproot.customer.v1 import segment_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.segments.model import Segment
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

KIND = "SEGMENT_KIND_"
_PLAIN = ("display_name", "description", "filter")


def to_message(row: Any) -> pb.Segment:
    """From a row of the table or a mapped Segment."""
    read = row.__getitem__ if not isinstance(row, Segment) else lambda name: getattr(row, name)
    message = pb.Segment(
        id=str(read("id")),
        display_name=read("display_name"),
        description=read("description"),
        filter=read("filter"),
        kind=wire.enum_number(pb.SegmentKind, read("kind"), KIND),
        member_count=read("member_count"),
        refresh_time=wire.to_timestamp(read("refresh_time")),
        next_change_time=wire.to_timestamp(read("next_change_time")),
        owner_id=wire.text_of(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        etag=str(read("version")),
    )
    if read("custom"):
        message.custom.update(read("custom"))
    return message


def to_event(segment: Segment, _recorded: Recorded) -> SegmentEvent:
    return SegmentEvent(segment=to_message(segment))


def to_member(row: Any, segment_name: str = "", customer_name: str = "") -> pb.SegmentMember:
    return pb.SegmentMember(
        segment_id=str(row["segment_id"]),
        customer_id=str(row["customer_id"]),
        enter_time=wire.to_timestamp(row["enter_time"]),
        segment_display_name=segment_name,
        customer_display_name=customer_name,
    )


def to_member_payload(row: Any, segment_name: str, customer_name: str) -> bytes:
    member = to_member(row, segment_name, customer_name)
    return SegmentMemberEvent(segment_member=member).SerializeToString()


def to_values(message: pb.Segment, names: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in names:
        if name in _PLAIN:
            values[name] = getattr(message, name)
        elif name in _SPECIAL:
            values[name] = _SPECIAL[name](message)
    return values


_SPECIAL: dict[str, Any] = {
    "kind": lambda m: wire.enum_name(pb.SegmentKind, m.kind, KIND),
    "custom": lambda m: custom_values(m.custom, "segment.custom"),
}
FIELDS = (*_PLAIN, *_SPECIAL)


def check_new(message: pb.Segment) -> None:
    violations = []
    if not message.display_name:
        violations.append(Violation("segment.display_name", "a segment needs a name"))
    if not message.kind:
        violations.append(Violation("segment.kind", "say whether it is static or dynamic"))
    dynamic = message.kind == pb.SEGMENT_KIND_DYNAMIC
    if dynamic and not message.filter:
        violations.append(Violation("segment.filter", "a dynamic segment needs a filter"))
    if message.filter and not dynamic:
        violations.append(Violation("segment.filter", "only a dynamic segment has a filter"))
    if violations:
        raise InvalidArgument(violations)
