"""What the figures of a customer are made of, which are to be counted anew, and the figures.

`fact_items` is the projection: one row per record of a service, its newest state. `customer_facts` is counted from it
under the survivor of merges, and read by lists, segments and the profile. A rebuild empties the first alone, so that
nobody meets half-counted figures.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from taproot_customer.base import Base

_INSTANT = DateTime(timezone=True)
_AMOUNT = Numeric(24, 6)

# A record that no longer counts is kept with its version, so that a late older event cannot bring it back.
fact_items = Table(
    "fact_items",
    Base.metadata,
    Column("kind", Text, primary_key=True),
    Column("item_id", Uuid, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("at", _INSTANT),
    Column("amount", _AMOUNT),
    Column("currency_code", Text),
    Column("number", BigInteger),
    Index("ix_fact_items_customer_id", "customer_id"),
)

# One row per source, so that two subscriptions never wait for each other's rows.
facts_due = Table(
    "facts_due",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("due_time", _INSTANT, nullable=False),
    Index("ix_facts_due_due_time", "due_time"),
)

customer_facts = Table(
    "customer_facts",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("first_order_time", _INSTANT),
    Column("last_order_time", _INSTANT),
    Column("order_count", BigInteger, nullable=False),
    Column("orders_90_days", BigInteger, nullable=False),
    Column("orders_365_days", BigInteger, nullable=False),
    Column("revenue_90_days", _AMOUNT),
    Column("revenue_365_days", _AMOUNT),
    Column("lifetime_revenue", _AMOUNT),
    Column("revenue_by_currency", JSONB, nullable=False),
    Column("open_opportunities", BigInteger, nullable=False),
    Column("open_opportunity_amount", _AMOUNT),
    Column("open_amount_by_currency", JSONB, nullable=False),
    Column("open_tickets", BigInteger, nullable=False),
    Column("last_ticket_time", _INSTANT),
    Column("last_survey_score", Integer),
    Column("nps_average", Numeric(8, 6)),
    Column("last_contact_time", _INSTANT),
    Column("loyalty_points", BigInteger, nullable=False),
)
