"""The review queue: pairs of customers that may be one, what was decided about them, and the rules."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Index, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import WrongState
from taproot_customer.base import Base
from taproot_customer.matching.score import REVIEW

OPEN, MERGED, DISMISSED = "open", "merged", "dismissed"
NEVER = 0.0


class DuplicatePair(Base):
    """Belongs to nobody: whoever sees both customers sees the pair. `left_id` is the lesser id."""

    __tablename__ = "duplicate_pairs"
    aggregate_type = "duplicate pair"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    left_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    right_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    state: Mapped[str] = mapped_column(Text, default=OPEN)
    score: Mapped[Decimal] = mapped_column(Numeric)  # exact, because pages are cut by it
    contradicted: Mapped[bool] = mapped_column(Boolean)
    evidence: Mapped[list[list[Any]]] = mapped_column(JSONB, default=list)
    run_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    decided_by: Mapped[str] = mapped_column(Text, default="")
    decide_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    note: Mapped[str] = mapped_column(Text, default="")
    survivor_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    update_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(BigInteger, default=1)

    __table_args__ = (
        Index("uq_duplicate_pairs_sides", "left_id", "right_id", unique=True),
        Index("ix_duplicate_pairs_right_id", "right_id"),
        Index("ix_duplicate_pairs_score", "score", "id"),
        Index("ix_duplicate_pairs_recent", "create_time", "id"),
        Index("ix_duplicate_pairs_run_id", "run_id", "state"),
    )

    def merge(self, survivor_id: uuid.UUID, who: str, now: datetime) -> None:
        self._require(OPEN, "merged")
        self.survivor_id = survivor_id
        self._decide(MERGED, who, now)

    def dismiss(self, note: str, who: str, now: datetime) -> None:
        self._require(OPEN, "dismissed")
        self.note = note
        self._decide(DISMISSED, who, now)

    def reopen(self, now: datetime) -> None:
        self._require(DISMISSED, "reopened")
        self.state, self.decided_by, self.decide_time, self.note = OPEN, "", None, ""
        self._changed(now)

    def _decide(self, state: str, who: str, now: datetime) -> None:
        self.state, self.decided_by, self.decide_time = state, who, now
        self._changed(now)

    def _changed(self, now: datetime) -> None:
        self.update_time = now
        self.version += 1

    def _require(self, state: str, _verb: str) -> None:
        if self.state != state:
            raise WrongState("the pair", self.state, [state])


duplicate_rules = Table(
    "duplicate_rules",
    Base.metadata,
    Column("only", Boolean, primary_key=True),
    Column("review_from", Double, nullable=False),
    Column("merge_from", Double, nullable=False),
    Column("update_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
)
DEFAULT_RULES: dict[str, Any] = {
    "review_from": REVIEW,
    "merge_from": NEVER,
    "update_time": None,
    "version": 0,
}

# How far a search has come, kept with what it found, so that after a crash it goes on there.
duplicate_searches = Table(
    "duplicate_searches",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("compared_count", BigInteger, nullable=False),
    Column("merged_count", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
)
