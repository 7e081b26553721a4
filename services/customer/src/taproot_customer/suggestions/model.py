"""The rules by which the customer's page suggests what to do next."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Table
from sqlalchemy.dialects.postgresql import JSONB

from taproot_customer.base import Base

suggestion_rules = Table(
    "suggestion_rules",
    Base.metadata,
    Column("only", Boolean, primary_key=True),
    Column("rules", JSONB, nullable=False),
    Column("update_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
)
# Only the kinds that were changed are stored: a kind of a later version begins with its own rule.
UNCHANGED: dict[str, Any] = {"rules": [], "update_time": None, "version": 0}
