"""The rules customers are classed by, and how the class of each changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from taproot_base.errors import AppError
from taproot_customer.base import Base
from taproot_customer.loyalty.rules import DEFAULT_CLASSES

loyalty_class_rules = Table(
    "loyalty_class_rules",
    Base.metadata,
    Column("only", Boolean, primary_key=True),
    Column("active", Boolean, nullable=False),
    Column("classes", JSONB, nullable=False),
    Column("cuts", JSONB, nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("refresh_time", DateTime(timezone=True)),
    Column("next_refresh_time", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
)
DEFAULT_RULES: dict[str, Any] = {
    "active": False,
    "classes": [dict(one) for one in DEFAULT_CLASSES],
    "cuts": {},
    "currency_code": "",
    "window_days": 0,
    "refresh_time": None,
    "next_refresh_time": None,
    "update_time": None,
    "version": 0,
}

loyalty_class_changes = Table(
    "loyalty_class_changes",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False),
    Column("previous_class", Text, nullable=False),
    Column("loyalty_class", Text, nullable=False),
    Column("change_time", DateTime(timezone=True), nullable=False),
    Index("ix_loyalty_class_changes_listed", "customer_id", "change_time", "id"),
)


class RulesNotActive(AppError):
    reason = "RULES_NOT_ACTIVE"
