"""An object: a record of a type the enterprise has made."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import WrongState
from taproot_base.text import search_tokens
from taproot_customer.base import Base
from taproot_records.keeping import Recyclable, Sorted
from taproot_records.mapping import Values
from taproot_storage.model import Customizable, Owned, custom_tokens
from taproot_storage.visibility import scope_table


class CustomObject(Recyclable, Sorted, Owned, Customizable, Base):
    __tablename__ = "objects"
    aggregate_type: ClassVar[str] = "object"
    custom_prefix: ClassVar[str] = "objects_"

    type: Mapped[str] = mapped_column(Text, default="")
    customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    state: Mapped[str] = mapped_column(Text, default="")
    search: Mapped[list[str]] = mapped_column(default=list)

    __table_args__ = (
        Index("ix_objects_owner", "owner_id", "type", "create_time", "id"),
        Index("ix_objects_branch", "branch_path", "type", "create_time", "id"),
        Index("ix_objects_recent", "type", "create_time", "id"),
        Index("ix_objects_customer", "customer_id", "type", "create_time", "id"),
        Index("ix_objects_search", "search", postgresql_using="gin"),
    )

    @property
    def custom_type(self) -> str:
        return f"{self.custom_prefix}{self.type}"

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def faults(self) -> list[tuple[str, str]]:
        self.sort_by_name()
        self.search = [*search_tokens(self.display_name), *custom_tokens(self)]
        return []

    def change(self, values: Values, now: datetime) -> None:
        """Nothing is recorded when nothing changes."""
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if changed:
            super().change(changed, now)

    def transition(self, state: str, allowed: Sequence[str], now: datetime) -> None:
        if self.state not in allowed:
            raise WrongState("the object", self.state or "without a state", allowed)
        self.state = state
        self.record("transitioned", now)


scope_table(CustomObject, "objects.read")
