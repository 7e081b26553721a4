"""An assignment rule; matching.py says how the rules choose."""

from __future__ import annotations

import uuid

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from taproot_records.keeping import Recyclable
from taproot_sales.base import Base
from taproot_storage.model import Customizable


class AssignmentRule(Recyclable, Customizable, Base):
    __tablename__ = "assignment_rules"
    aggregate_type = "assignment_rule"

    display_name: Mapped[str] = mapped_column(default="")
    priority: Mapped[int] = mapped_column(default=0)
    regions: Mapped[list[str]] = mapped_column(default=list)
    product_interests: Mapped[list[str]] = mapped_column(default=list)
    product_ids: Mapped[list[uuid.UUID]] = mapped_column(default=list)
    sources: Mapped[list[str]] = mapped_column(default=list)
    branch_id: Mapped[uuid.UUID | None]
    """Where the leads go."""
    user_ids: Mapped[list[uuid.UUID]] = mapped_column(default=list)
    max_open_leads: Mapped[int] = mapped_column(default=0)
    disabled: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (Index("ix_assignment_rules_priority", "priority", "id"),)

    def faults(self) -> list[tuple[str, str]]:
        return self.missing("display_name", "branch_id")
