"""Entitlements with their last days: a projection of the service desk's events, for date triggers."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_marketing.base import Base


class EntitlementRef(Base):
    __tablename__ = "entitlement_refs"
    __table_args__ = (
        Index("ix_entitlement_refs_end_date", "end_date", "id", postgresql_where=text("state = 'active'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[uuid.UUID]
    display_name: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    product_id: Mapped[uuid.UUID | None]
    product_code: Mapped[str]
    device_serial: Mapped[str]
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    change_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it last changed at the service desk."""
    traceparent: Mapped[str]
    """The trace of that change, for what follows from it."""
