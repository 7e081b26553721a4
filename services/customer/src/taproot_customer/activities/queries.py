"""Reads of activities."""

from __future__ import annotations

from taproot.customer.v1 import activity_pb2 as pb
from taproot_customer.activities.model import Activity
from taproot_listing.fields import Field, FieldType, Resource

_c = Activity.__table__.c

RESOURCE = Resource(
    "activity",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("customer_id", _c.customer_id, FieldType.ID, sortable=False),
        Field("kind", _c.kind, FieldType.ENUM, enum=pb.ActivityKind),
        Field("direction", _c.direction, FieldType.ENUM, enum=pb.ActivityDirection),
        Field("state", _c.state, FieldType.ENUM, enum=pb.ActivityState),
        Field("display_name", _c.display_name, FieldType.TEXT),
        Field("outcome", _c.outcome, FieldType.TEXT),
        Field("start_time", _c.start_time, FieldType.INSTANT),
        Field("contact_id", _c.contact_id, FieldType.ID, sortable=False),
        Field("owner_id", _c.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="start_time desc",
    id_column=_c.id,
)
