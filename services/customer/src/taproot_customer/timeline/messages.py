"""Timeline entries as protobuf."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import timeline_pb2 as pb
from taproot_base import wire
from taproot_base.context import current_call
from taproot_customer.timeline.payloads import hidden_params
from taproot_customer.timeline.words import render

KIND = "TIMELINE_KIND_"
HIDDEN = "***"


def to_message(row: Any) -> pb.TimelineEntry:
    call = current_call()
    hidden = hidden_params(row["event_type"], call.masked)
    params = {name: HIDDEN if name in hidden else value for name, value in row["params"].items()}
    zh, en = render(row["event_type"], params)
    branch = call.directory.paths.get(row["branch_path"])
    return pb.TimelineEntry(
        id=str(row["id"]),
        customer_id=str(row["customer_id"]),
        kind=wire.enum_number(pb.TimelineKind, row["kind"], KIND),
        event_type=row["event_type"],
        resource=row["resource"],
        resource_id=str(row["resource_id"]),
        occurred_time=wire.to_timestamp(row["occurred_at"]),
        actor=row["actor"],
        branch_id=branch.id if branch else "",
        params=params,
        trace_id=row["trace_id"],
        channel=row["channel"],
        contact_id=str(row["contact_id"] or ""),
        summary_zh=zh,
        summary_en=en,
    )
