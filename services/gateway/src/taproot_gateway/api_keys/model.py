"""The table of API keys, and what can go wrong with them."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, Uuid

from taproot_base.errors import AppError, Kind
from taproot_gateway.base import Base

MOST_KEYS = 20
Instant = DateTime(timezone=True)


class TooManyApiKeys(AppError):
    kind = Kind.STATE
    reason = "TOO_MANY_API_KEYS"

    def __init__(self) -> None:
        super().__init__(f"a user can have {MOST_KEYS} keys; delete one first")


api_keys = Table(
    "api_keys",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("key_hash", LargeBinary, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("create_time", Instant, nullable=False),
    Column("expire_time", Instant, nullable=False),
    Column("last_used_time", Instant),
    Index("uq_api_keys_key_hash", "key_hash", unique=True),
    Index("ix_api_keys_user_id", "user_id", "create_time"),
)
