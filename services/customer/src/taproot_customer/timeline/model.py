"""Timeline rows: a projection of every service's events, rebuildable by replay."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from taproot_customer.base import Base


def _columns() -> list[Column[object]]:
    return [
        Column("event_type", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("resource", Text, nullable=False),
        Column("resource_id", Uuid, nullable=False),
        Column("actor", Text, nullable=False),
        Column("branch_path", Text, nullable=False),
        Column("params", JSONB, nullable=False),
        Column("trace_id", Text, nullable=False),
    ]


# Belongs to the customer: whoever sees the customer sees its timeline. Read only through `queries`.
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
