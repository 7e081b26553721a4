"""Shares of customers with users, teams and branches: what they are and what is refused."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Table, Text, Uuid

from taproot_base.errors import AppError
from taproot_customer.base import Base

ACTIVE, ENDED, EXPIRED, REPLACED = "active", "ended", "expired", "replaced"
READ, WRITE = "read", "write"
MOST_SHARES = 100
"""Of one customer: every event of the customer tells them all."""


class TooManyShares(AppError):
    """The customer is shared with too many; a team or a branch would do."""

    reason = "TOO_MANY_SHARES"


# Belongs to the customer: whoever sees the customer sees its shares. `customer_id` is never rewritten: after a merge
# the shares of its members are the survivor's, after the merge was undone again their own.
customer_shares = Table(
    "customer_shares",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("team_id", Uuid),
    Column("branch_id", Uuid),
    Column("level", Text, nullable=False),
    Column("expire_time", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("creator_id", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("ender_id", Text, nullable=False),
    Column("end_reason", Text, nullable=False),
    Index("ix_customer_shares_customer_id", "customer_id", "create_time", "id"),
)
