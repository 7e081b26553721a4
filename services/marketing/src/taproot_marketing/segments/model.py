"""Who is in which segment: a projection of the customer service's membership events."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from taproot_marketing.base import Base


class SegmentMember(Base):
    """A membership; `present` is false after the customer left, so that an older event cannot bring it back."""

    __tablename__ = "segment_members"
    __table_args__ = (Index("ix_segment_members_customer_id", "customer_id"),)

    segment_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(BigInteger)
    present: Mapped[bool]
