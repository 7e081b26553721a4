"""The rules of a pool, what is claimed from it, and who owned whom when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, InvalidArgument, Kind
from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

ASSIGNED, CLAIMED, RELEASED, RECALLED = "assigned", "claimed", "released", "recalled"


class PoolExists(AlreadyExists):
    reason = "POOL_EXISTS"


class NoPool(AppError):
    reason = "NO_POOL"


class CustomerTaken(AppError):
    reason = "CUSTOMER_TAKEN"


class NotOwner(AppError):
    reason = "NOT_OWNER"


class ClaimQuotaReached(AppError):
    reason = "CLAIM_QUOTA_REACHED"


class CoolingDown(AppError):
    """`until`: from when on the customer may be claimed again by the one who lost it."""

    kind = Kind.STATE
    reason = "COOLING_DOWN"


class PoolRule(Aggregate, Base):
    """A pool of the branch and of those below it that have none of their own."""

    __tablename__ = "pool_rules"
    aggregate_type: ClassVar[str] = "pool_rule"

    display_name: Mapped[str] = mapped_column(default="")
    branch_id: Mapped[uuid.UUID | None]
    branch_path: Mapped[str] = mapped_column(default="")
    claim_quota: Mapped[int] = mapped_column(default=0)
    cool_down_days: Mapped[int] = mapped_column(default=0)
    no_touch_days: Mapped[int] = mapped_column(default=0)
    not_won_days: Mapped[int] = mapped_column(default=0)
    warn_days: Mapped[int] = mapped_column(default=0)
    recalls_paused: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index("uq_pool_rules_branch_path", "branch_path", unique=True),
        Index("ix_pool_rules_create_time", "create_time", "id"),
    )

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        """Set fields; the first change creates."""
        self.set_all(dict(values))
        if not self.display_name:
            raise InvalidArgument([("pool_rule.display_name", "is required")])
        self.record("updated" if self.version else "created", now)

    def recall_time(self, claim_time: datetime, touch_time: datetime, *, won: bool) -> datetime | None:
        """When a claimed customer goes back unless something happens; None: never."""
        ends = []
        if self.no_touch_days:
            ends.append(touch_time + timedelta(days=self.no_touch_days))
        if self.not_won_days and not won:
            ends.append(claim_time + timedelta(days=self.not_won_days))
        return None if self.recalls_paused else min(ends, default=None)


claims = Table(
    "claims",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False),
    Column("rule_id", Uuid, nullable=False),
    Column("claim_time", DateTime(timezone=True), nullable=False),
    Column("touch_time", DateTime(timezone=True), nullable=False),
    Column("warn_time", DateTime(timezone=True)),
    Index("ix_claims_owner_id", "owner_id", "rule_id"),
    Index("ix_claims_rule_id_touch_time", "rule_id", "touch_time"),
    Index("ix_claims_rule_id_claim_time", "rule_id", "claim_time"),
)

# Belongs to the customer: whoever sees the customer sees its history. Read only through `queries`.
ownership_changes = Table(
    "ownership_changes",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("from_owner_id", Uuid),
    Column("to_owner_id", Uuid),
    Column("from_branch_id", Uuid),
    Column("to_branch_id", Uuid),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("transfer_id", Uuid),
    Index("ix_ownership_changes_customer_id", "customer_id", "create_time", "id"),
    Index("ix_ownership_changes_create_time", "create_time", "id"),
    Index("ix_ownership_changes_from_owner_id", "from_owner_id", "customer_id", "create_time"),
)

scope_table(PoolRule, "pool_rules.read", owner=None)
