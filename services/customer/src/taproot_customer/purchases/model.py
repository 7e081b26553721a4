"""Purchases: what customers bought, one row per order; a projection of the orders of sales, rebuildable by replay."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Numeric, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_customer.base import Base
from taproot_storage.mixed import scope_mixed_table

PERMISSION = "orders.read"

# Under the customer the order names, be it merged since: statements resolve it, so an unmerge gives it back.
# An order that does not count is kept with its version, so that a late older event cannot bring it back.
purchases = Table(
    "purchases",
    Base.metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("day", Date, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("net", Numeric(24, 6), nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("product_ids", ARRAY(Uuid), nullable=False),
    Column("branch_path", Text, nullable=False),
    Column("permission", Text, nullable=False),
    Column("placed", Boolean, nullable=False),
    Column("owner_id", Uuid),
    Column("team_id", Uuid),
    Index("ix_purchases_customer", "customer_id", "day", postgresql_where=text("counted")),
    Index("ix_purchases_party", "customer_id"),
)

scope_mixed_table(purchases, frozenset({PERMISSION}))
