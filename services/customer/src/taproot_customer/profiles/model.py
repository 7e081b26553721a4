"""Profile rows: what the 360-degree view shows, kept ready by events; a projection, rebuildable by replay."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Numeric, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from taproot_customer.base import Base
from taproot_customer.timeline.permissions import PERMISSIONS
from taproot_storage.mixed import scope_mixed_table

# Who sees the customer sees of these what he may read: see timeline/permissions.py.
# A row that no longer shows is kept with its version, so that a late older event cannot bring it back.
profile_items = Table(
    "profile_items",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("section", Text, primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("branch_path", Text, nullable=False),
    Column("permission", Text, nullable=False),
    Column("placed", Boolean, nullable=False),
    Column("owner_id", Uuid),
    Column("team_id", Uuid),
    Column("shown", Boolean, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("amount", Numeric(24, 6)),
    Column("currency_code", Text),
    Column("due_date", Date),
    Column("data", JSONB, nullable=False),
    Index("ix_profile_items_shown", "customer_id", "section", "rank", postgresql_where=text("shown")),
)

competitor_refs = Table(
    "competitor_refs",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
)

scope_mixed_table(profile_items, PERMISSIONS)
