"""Consents: decisions of customers, never changed, and what holds now."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

GRANTED, WITHDRAWN = "granted", "withdrawn"


class Consent(Aggregate, Base):
    """One decision. The next one about the same purpose and channel follows it."""

    __tablename__ = "consents"
    aggregate_type: ClassVar[str] = "consent"

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    purpose: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    decision: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    proof: Mapped[str] = mapped_column(Text, default="")
    effective_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expire_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    business_key: Mapped[str | None] = mapped_column(Text)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("ix_consents_customer", "customer_id", "create_time", "id"),
        Index("ix_consents_owner", "owner_id", "create_time", "id"),
        Index("ix_consents_branch", "branch_path", "create_time", "id"),
        Index("ix_consents_recent", "create_time", "id"),
        Index("uq_consents_business_key", "business_key", unique=True),
    )

    @property
    def party(self) -> uuid.UUID:
        return self.customer_id

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Consent:
        consent = cls(id=key, create_time=now, **values)
        consent.record(consent.decision, now)
        return consent


consent_states = Table(
    "consent_states",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("effective_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True)),
    Column("source", Text, nullable=False),
    Column("consent_id", Uuid, nullable=False),
)

# A web form's consent waits here until the lead that came of it is a customer.
form_consents = Table(
    "form_consents",
    Base.metadata,
    Column("submission_id", Uuid, primary_key=True),
    Column("proof", Text),
    Column("consent_time", DateTime(timezone=True)),
    Column("customer_id", Uuid),
)

scope_table(Consent, "consents.read", party="customer_id")
