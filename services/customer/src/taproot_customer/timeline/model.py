"""Timeline rows: a projection of every service's events, rebuildable by replay."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from taproot_customer.base import Base
from taproot_customer.timeline.permissions import PERMISSIONS
from taproot_storage.mixed import scope_mixed_table


def _columns() -> list[Column[object]]:
    return [
        Column("event_type", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("resource", Text, nullable=False),
        Column("resource_id", Uuid, nullable=False),
        Column("actor", Text, nullable=False),
        Column("branch_path", Text, nullable=False),
        Column("permission", Text, nullable=False),
        Column("placed", Boolean, nullable=False),
        Column("owner_id", Uuid),
        Column("team_id", Uuid),
        Column("params", JSONB, nullable=False),
        Column("trace_id", Text, nullable=False),
        Column("channel", Text, nullable=False, server_default=""),
        Column("contact_id", Uuid),
        # Searched within one customer only, whose rows the key finds: an index would cost every event.
        Column("words", ARRAY(Text), nullable=False, server_default="{}"),
    ]


# Who sees the customer sees of its timeline what he may read: see permissions.py.
timeline = Table(
    "timeline",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("occurred_at", DateTime(timezone=True), primary_key=True),
    Column("id", Uuid, primary_key=True),
    *_columns(),
    postgresql_partition_by="HASH (customer_id)",
)

# What happened to leads and form submissions before it was known whose they are.
timeline_waiting = Table(
    "timeline_waiting",
    Base.metadata,
    Column("subject_id", Uuid, primary_key=True),
    Column("occurred_at", DateTime(timezone=True), primary_key=True),
    Column("id", Uuid, primary_key=True),
    *_columns(),
)

timeline_links = Table(
    "timeline_links",
    Base.metadata,
    Column("subject_id", Uuid, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Index("ix_timeline_links_customer_id", "customer_id"),
)

scope_mixed_table(timeline, PERMISSIONS)
