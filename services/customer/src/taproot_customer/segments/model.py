"""A segment: a named set of customers, fixed or kept up to date by a filter."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import WrongState
from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

STATIC, DYNAMIC, COMBINED = "static", "dynamic", "combined"


class Segment(Aggregate, Base):
    """Its members lie in its branch and below."""

    __tablename__ = "segments"
    aggregate_type: ClassVar[str] = "segment"

    display_name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text)
    filter: Mapped[str] = mapped_column(Text, default="")
    operator: Mapped[str] = mapped_column(Text, default="")
    operand_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    member_count: Mapped[int] = mapped_column(BigInteger, default=0)
    refresh_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    next_change_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    __table_args__ = (
        Index("ix_segments_owner", "owner_id", "create_time", "id"),
        Index("ix_segments_branch", "branch_path", "create_time", "id"),
        Index("ix_segments_recent", "create_time", "id"),
    )

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Segment:
        segment = cls(id=key, create_time=now, **values)
        segment.record("created", now)
        return segment

    def change(self, values: Mapping[str, Any], now: datetime) -> bool:
        """Set fields; true when the members must be computed anew: what decides on them, or the branch they lie in."""
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if changed:
            self.set_all(changed)
            self.record("updated", now)
        deciding = ("filter", "operator", "operand_ids", "branch_path")
        return self.kind != STATIC and not changed.keys().isdisjoint(deciding)

    def refreshed(self, count: int, next_change: datetime | None, now: datetime) -> None:
        self.member_count, self.refresh_time, self.next_change_time = count, now, next_change
        self.record("refreshed", now)

    def require(self, *kinds: str) -> None:
        if self.kind not in kinds:
            raise WrongState("the segment", self.kind, kinds)


# A row stays when the customer leaves: its version tells the order of entering and leaving.
segment_members = Table(
    "segment_members",
    Base.metadata,
    Column("segment_id", Uuid, primary_key=True),
    Column("customer_id", Uuid, primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("enter_time", DateTime(timezone=True), nullable=False),
    Index(
        "ix_segment_members_listed",
        "segment_id",
        "enter_time",
        "customer_id",
        postgresql_where=text("active"),
    ),
    Index("ix_segment_members_customer_id", "customer_id"),
)

# When the filter of a dynamic segment may give another answer for a customer though nothing happens to it.
segment_dues = Table(
    "segment_dues",
    Base.metadata,
    Column("segment_id", Uuid, primary_key=True),
    Column("customer_id", Uuid, primary_key=True),
    Column("due_time", DateTime(timezone=True), nullable=False),
    Index("ix_segment_dues_due_time", "due_time"),
    Index("ix_segment_dues_customer_id", "customer_id"),
    Index("ix_segment_dues_first", "segment_id", "due_time"),
)

scope_table(Segment, "segments.read")
