"""Reads of activities."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from taproot.customer.v1 import activity_pb2 as pb
from taproot_customer.activities.model import Activity
from taproot_customer.references import reference
from taproot_records.conversions import Conversion, Conversions
from taproot_records.reading import Shelf, resource_of

CONVERSIONS = Conversions(
    reference("activity"),
    Conversion(
        "duration",
        "time_spent",
        lambda message: message.duration.ToTimedelta() if message.HasField("duration") else None,
        lambda message, stored: message.duration.CopyFrom(Duration(seconds=int(stored.total_seconds()))),
    ),
)
RESOURCE = resource_of(
    "activity",
    Activity,
    pb.Activity,
    "id customer_id kind direction state display_name outcome start_time contact_id owner_id branch_id create_time "
    "update_time custom",
    "start_time desc",
    ("customer_id",),
)
SHELF = Shelf(RESOURCE, Activity, pb.Activity, CONVERSIONS.fill, Activity.__table__.c.delete_time.is_(None))
