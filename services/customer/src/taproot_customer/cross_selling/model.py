"""What else customers buy who bought a product, worked out by a job, and the products it speaks of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Numeric, Table, Text, Uuid

from taproot_customer.base import Base

# Counts over all customers, which tell of none of them.
cross_sells = Table(
    "cross_sells",
    Base.metadata,
    Column("owned_id", Uuid, primary_key=True),
    Column("offered_id", Uuid, primary_key=True),
    Column("customer_count", Integer, nullable=False),
    Column("support", Numeric(7, 6), nullable=False),
    Column("confidence", Numeric(7, 6), nullable=False),
    Column("lift", Numeric(18, 6), nullable=False),
)

cross_sell_runs = Table(
    "cross_sell_runs",
    Base.metadata,
    Column("only", Boolean, primary_key=True),
    Column("refresh_time", DateTime(timezone=True), nullable=False),
    Column("customer_count", Integer, nullable=False),
)

# A projection of the products of sales, rebuildable by replay. `sold`: neither deleted nor discontinued.
product_refs = Table(
    "product_refs",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("sold", Boolean, nullable=False),
)
