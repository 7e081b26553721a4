"""What customers allow: the last decision for each purpose and channel, from the customer service's events."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from taproot_marketing.base import Base


class ConsentRef(Base):
    __tablename__ = "consent_refs"

    customer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    consent_id: Mapped[uuid.UUID]
    granted: Mapped[bool]
    effective_time: Mapped[datetime]
    expire_time: Mapped[datetime | None]
