"""The tables of saved views, who a view shows to, and what can go wrong."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Self

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_base.auth import Principal
from taproot_base.errors import AppError, Kind, PermissionDenied
from taproot_gateway.base import Base

PRIVATE, TEAM, BRANCH, ALL = "private", "team", "branch", "all"
MOST_VIEWS = 500
Instant = DateTime(timezone=True)


class TooManySavedViews(AppError):
    kind = Kind.STATE
    reason = "TOO_MANY_SAVED_VIEWS"

    def __init__(self) -> None:
        super().__init__(f"a user can have {MOST_VIEWS} views; delete one first")


@dataclass(frozen=True)
class Viewer:
    """Who looks: their own views and those shared with them."""

    user_id: uuid.UUID
    teams: tuple[uuid.UUID, ...]
    branch_id: uuid.UUID | None

    @classmethod
    def of(cls, principal: Principal) -> Self:
        if principal.kind != "user":
            raise PermissionDenied("views belong to people; sign in as one")
        branch = uuid.UUID(principal.branch_id) if principal.branch_id else None
        return cls(uuid.UUID(principal.subject), tuple(map(uuid.UUID, principal.teams)), branch)


saved_views = Table(
    "saved_views",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("sort_key", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("filter", Text, nullable=False),
    Column("order_by", Text, nullable=False),
    Column("columns", ARRAY(Text), nullable=False),
    Column("sharing", Text, nullable=False),
    Column("team_id", Uuid),
    Column("branch_id", Uuid),
    Column("version", BigInteger, nullable=False),
    Column("create_time", Instant, nullable=False),
    Column("update_time", Instant, nullable=False),
    Index("ix_saved_views_owner_id", "owner_id"),
    Index("ix_saved_views_shared", "sharing", postgresql_where=text("sharing <> 'private'")),
)

saved_view_marks = Table(
    "saved_view_marks",
    Base.metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("view_id", Uuid, primary_key=True),
    Column("collection", Text, nullable=False),
    Column("starred", Boolean, nullable=False),
    Column("chosen", Boolean, nullable=False),
    Index(
        "uq_saved_view_marks_chosen", "user_id", "collection", unique=True, postgresql_where=text("chosen")
    ),
    Index("ix_saved_view_marks_view_id", "view_id"),
)
