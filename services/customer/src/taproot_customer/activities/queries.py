"""Reads of activities."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from google.protobuf.duration_pb2 import Duration
from sqlalchemy import Select, select

from taproot.customer.v1 import activity_pb2 as pb
from taproot_customer.activities.model import Activity
from taproot_customer.recurrence.messages import RECURRENCE
from taproot_customer.references import reference
from taproot_listing.fields import Field, FieldType
from taproot_records.conversions import Conversion, Conversions
from taproot_records.reading import Shelf, resource_of
from taproot_storage.visibility import unscoped

_c = Activity.__table__.c

CONVERSIONS = Conversions(
    reference("activity"),
    Conversion(
        "duration",
        "time_spent",
        lambda message: message.duration.ToTimedelta() if message.HasField("duration") else None,
        lambda message, stored: message.duration.CopyFrom(Duration(seconds=int(stored.total_seconds()))),
    ),
    RECURRENCE,
    Conversion(
        "reminder_lead",
        "lead",
        lambda message: message.reminder_lead.ToTimedelta() if message.HasField("reminder_lead") else None,
        lambda message, stored: message.reminder_lead.CopyFrom(Duration(seconds=int(stored.total_seconds()))),
    ),
)
_LISTED = resource_of(
    "activity",
    Activity,
    pb.Activity,
    "id customer_id kind direction state display_name outcome start_time contact_id owner_id branch_id create_time "
    "update_time custom",
    "start_time desc",
    ("customer_id",),
)
# By the ids of users and contacts alike.
RESOURCE = replace(
    _LISTED,
    fields=[*_LISTED.fields, Field("participants", _c.participant_ids, FieldType.ID, repeated=True)],
)
SHELF = Shelf(RESOURCE, Activity, pb.Activity, CONVERSIONS.fill, Activity.__table__.c.delete_time.is_(None))


def to_remind(now: datetime, limit: int) -> Select[Any]:
    """Activities of which an occurrence is near, but for those another replica is at work on."""
    return (
        select(Activity)
        .where(
            _c.next_reminder_time <= now,
            _c.delete_time.is_(None),
            unscoped(Activity, "reminders are due for everybody"),
        )
        .order_by(_c.next_reminder_time, _c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
