"""A queue: where tickets wait for a group of agents."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import ClassVar

from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError
from taproot_records.keeping import Kept
from taproot_servicedesk.base import Base
from taproot_storage.model import Customizable


class QueueInUse(AppError):
    reason = "QUEUE_IN_USE"

    def __init__(self) -> None:
        super().__init__("open tickets wait in the queue; give them to another one first")


class Queue(Customizable, Kept, Base):
    __tablename__ = "queues"
    aggregate_type: ClassVar[str] = "queue"

    display_name: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)
    rank: Mapped[int] = mapped_column(default=100)
    kinds: Mapped[list[str]] = mapped_column(default=list)
    categories: Mapped[list[str]] = mapped_column(default=list)
    channels: Mapped[list[str]] = mapped_column(default=list)
    assignment: Mapped[str] = mapped_column(default="manual")
    member_ids: Mapped[list[uuid.UUID]] = mapped_column(default=list)
    max_open_per_member: Mapped[int] = mapped_column(default=0)
    branch_id: Mapped[uuid.UUID | None]
    team_id: Mapped[uuid.UUID | None]

    def faults(self) -> list[tuple[str, str]]:
        self.assignment = self.assignment or "manual"
        return self.missing("display_name")

    def takes(self, kind: str, categories: frozenset[str], channel: str) -> bool:
        """Does its rule fit a ticket? Empty conditions fit everything."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.categories or not categories.isdisjoint(self.categories))
            and (not self.channels or channel in self.channels)
        )

    def pick_member(self, load: Mapping[uuid.UUID, int]) -> uuid.UUID | None:
        """The member to hand the next ticket to; `load`: open tickets by member. Equals by id."""
        if self.assignment != "least_loaded":
            return None
        most = self.max_open_per_member or None
        free = [member for member in self.member_ids if most is None or load.get(member, 0) < most]
        return min(free, key=lambda member: (load.get(member, 0), member), default=None)
