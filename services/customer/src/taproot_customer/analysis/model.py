"""An insight: something worked out about customers, with its results by customer and as a table."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Date, DateTime, Index, Integer, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_customer.base import Base
from taproot_customer.results import RUNNING, Result
from taproot_storage.visibility import scope_table


class Insight(Result):
    __tablename__ = "insights"
    aggregate_type: ClassVar[str] = "insight"

    display_name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    filter: Mapped[str] = mapped_column(Text, default="")
    currency_code: Mapped[str] = mapped_column(Text)
    reference_date: Mapped[date] = mapped_column(Date)
    window_days: Mapped[int] = mapped_column(Integer, default=0)
    rfm: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    lifetime: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    abc: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    funnel: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    affinity: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    state: Mapped[str] = mapped_column(Text, default=RUNNING)
    customer_count: Mapped[int] = mapped_column(BigInteger, default=0)
    order_count: Mapped[int] = mapped_column(BigInteger, default=0)
    score_count: Mapped[int] = mapped_column(BigInteger, default=0)
    cell_count: Mapped[int] = mapped_column(BigInteger, default=0)
    model: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    operation_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    error: Mapped[str] = mapped_column(Text, default="")
    end_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("ix_insights_owner", "owner_id", "create_time", "id"),
        Index("ix_insights_branch", "branch_path", "create_time", "id"),
        Index("ix_insights_recent", "create_time", "id"),
    )


insight_scores = Table(
    "insight_scores",
    Base.metadata,
    Column("insight_id", Uuid, primary_key=True),
    Column("customer_id", Uuid, primary_key=True),
    Column("group", Text, nullable=False),
    Column("first_purchase_date", Date, nullable=False),
    Column("last_purchase_date", Date, nullable=False),
    Column("recency_days", Integer, nullable=False),
    Column("purchase_count", BigInteger, nullable=False),
    Column("amount", Numeric(24, 6), nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("recency_score", Integer),
    Column("frequency_score", Integer),
    Column("monetary_score", Integer),
    Column("alive_probability", Numeric(7, 6)),
    Column("churn_probability", Numeric(7, 6)),
    Column("expected_purchases", Numeric(18, 6)),
    Column("lifetime_value", Numeric(24, 6)),
    Column("share", Numeric(7, 6)),
    Column("cumulative_share", Numeric(7, 6)),
    Index("ix_insight_scores_recent", "insight_id", "last_purchase_date", "customer_id"),
    Index("ix_insight_scores_customer_id", "customer_id"),
)

insight_cells = Table(
    "insight_cells",
    Base.metadata,
    Column("insight_id", Uuid, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False),
    Column("row", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("customer_count", BigInteger, nullable=False),
    Column("order_count", BigInteger, nullable=False),
    Column("share", Numeric(7, 6)),
    Column("confidence", Numeric(7, 6)),
    Column("lift", Numeric(18, 6)),
    Column("amount", Numeric(24, 6)),
    Column("currency_code", Text, nullable=False),
)

scope_table(Insight, "insights.read")
