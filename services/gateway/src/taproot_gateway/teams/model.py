"""Teams: the mapped class and its rules."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, Kind, NotFound
from taproot_base.text import sort_key
from taproot_gateway.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table


class TeamInUse(AppError):
    kind = Kind.STATE
    reason = "TEAM_IN_USE"

    def __init__(self) -> None:
        super().__init__("take the members out of the team first")


class Team(Aggregate, Base):
    __tablename__ = "teams"
    aggregate_type: ClassVar[str] = "team"

    display_name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    branch_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str] = mapped_column(Text, default="")
    """Id in the enterprise's directory, as SCIM gives it."""
    leader_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    sort_key: Mapped[str] = mapped_column(Text, default="")
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_teams_branch", "branch_path", "sort_key", "id"),
        Index("ix_teams_leader", "leader_id", "sort_key", "id"),
    )

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Team:
        team = cls(id=key, create_time=now, **values)
        team.sort_key = sort_key(team.display_name)
        team.record("created", now)
        return team

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if not changed:
            return
        self.set_all(changed)
        self.sort_key = sort_key(self.display_name)
        self.record("updated", now)

    def delete(self, members: int, now: datetime) -> None:
        if self.delete_time is not None:
            raise NotFound("team", self.id)
        if members:
            raise TeamInUse
        self.delete_time = now
        self.record("deleted", now)


scope_table(Team, "teams.read", owner="leader_id")
