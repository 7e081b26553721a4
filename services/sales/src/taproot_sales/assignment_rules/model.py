"""An assignment rule; matching.py says how the rules choose."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import InvalidArgument
from taproot_sales.base import Base
from taproot_storage.eventlog import Aggregate


class AssignmentRule(Aggregate, Base):
    __tablename__ = "assignment_rules"
    aggregate_type = "assignment_rule"

    display_name: Mapped[str] = mapped_column(Text, default="")
    priority: Mapped[int] = mapped_column(Integer, default=0)
    regions: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    product_interests: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    product_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    sources: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    user_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    max_open_leads: Mapped[int] = mapped_column(Integer, default=0)
    disabled: Mapped[bool] = mapped_column(default=False)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_assignment_rules_priority", "priority", "id"),)

    @classmethod
    def create(cls, values: dict[str, Any], now: datetime) -> AssignmentRule:
        rule = cls(**values, create_time=now, update_time=now)
        rule._check()
        rule.record("created", now)
        return rule

    def change(self, values: dict[str, Any], now: datetime) -> None:
        self.set_all(values)
        self._check()
        self.record("updated", now)

    def _check(self) -> None:
        wanted = {"display_name": self.display_name, "branch_id": self.branch_id}
        faults = [(f"assignment_rule.{name}", "is required") for name, value in wanted.items() if not value]
        if faults:
            raise InvalidArgument(faults)

    def delete(self, now: datetime) -> None:
        self.delete_time = now
        self.record("deleted", now)
