"""A relationship: a link between two customers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Date, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists
from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table


class RelationshipExists(AlreadyExists):
    reason = "RELATIONSHIP_EXISTS"


class Relationship(Aggregate, Base):
    __tablename__ = "relationships"
    aggregate_type: ClassVar[str] = "relationship"

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    related_customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    related_display_name: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text, default="")
    start_date: Mapped[date | None] = mapped_column(Date)
    end_date: Mapped[date | None] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    __table_args__ = (
        Index("uq_relationships_pair", "customer_id", "related_customer_id", "kind", "label", unique=True),
        Index("ix_relationships_related", "related_customer_id"),
        Index("ix_relationships_owner", "owner_id", "create_time", "id"),
        Index("ix_relationships_branch", "branch_path", "create_time", "id"),
        Index("ix_relationships_recent", "create_time", "id"),
    )

    @property
    def party(self) -> uuid.UUID:
        return self.customer_id

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Relationship:
        relationship = cls(id=key, create_time=now, **values)
        relationship.record("created", now)
        return relationship

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        """Set fields; nothing is recorded when nothing changes."""
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if changed:
            self.set_all(changed)
            self.record("updated", now)

    def delete(self, now: datetime) -> None:
        """The row goes after this; its event tells the last state."""
        self.record("deleted", now)


scope_table(Relationship, "relationships.read")
