"""Segments between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.customer.events.v1.segment_event_pb2 import SegmentEvent
from taproot.customer.events.v1.segment_member_event_pb2 import SegmentMemberEvent
from taproot.customer.v1 import segment_pb2 as pb
from taproot.customer.v1 import segment_service_pb2 as rpc
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.customers import messages as customers
from taproot_customer.segments.combining import LEAST
from taproot_customer.segments.model import Segment
from taproot_customer.segments.previewing import Preview
from taproot_customer.segments.queries import SHELF
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def to_event(segment: Segment, _recorded: Recorded) -> SegmentEvent:
    return SegmentEvent(segment=SHELF.message(row_of(segment)))


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


def to_preview(found: Preview) -> rpc.PreviewSegmentResponse:
    cost = rpc.SegmentCost(
        estimated_member_count=found.expected, refresh_effort=found.cost, moves_with_time=found.moving
    )
    samples = [customers.to_message(row) for row in found.samples]
    return rpc.PreviewSegmentResponse(member_count=found.count, samples=samples, cost=cost)


def check_new(message: pb.Segment) -> None:
    violations = []
    if not message.display_name:
        violations.append(Violation("segment.display_name", "a segment needs a name"))
    if not message.kind:
        violations.append(Violation("segment.kind", "say whether it is static or dynamic"))
    dynamic = message.kind == pb.SEGMENT_KIND_DYNAMIC
    combined = message.kind == pb.SEGMENT_KIND_COMBINED
    if dynamic and not message.filter:
        violations.append(Violation("segment.filter", "a dynamic segment needs a filter"))
    if message.filter and not dynamic:
        violations.append(Violation("segment.filter", "only a dynamic segment has a filter"))
    if (message.operator or message.operand_ids) and not combined:
        violations.append(Violation("segment.operator", "only a combined segment is made of others"))
    if combined and not message.operator:
        violations.append(Violation("segment.operator", "a combined segment needs an operator"))
    if combined and len(message.operand_ids) < LEAST:
        violations.append(Violation("segment.operand_ids", "a combined segment needs at least two operands"))
    if violations:
        raise InvalidArgument(violations)


def check_preview(request: Any) -> None:
    combined = bool(request.operator or request.operand_ids)
    violations = []
    if combined == bool(request.filter):
        violations.append(Violation("filter", "give either a filter, or an operator and operands"))
    if combined and not request.operator:
        violations.append(Violation("operator", "a combined segment needs an operator"))
    if combined and len(request.operand_ids) < LEAST:
        violations.append(Violation("operand_ids", "a combined segment needs at least two operands"))
    if violations:
        raise InvalidArgument(violations)
