"""What this service knows of customers: a projection of the customer service's events."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_marketing.base import Base
from taproot_records.references import Referenced, References, members_index
from taproot_records.shares import Shares, access_table
from taproot_storage.visibility import scope_table


class CustomerRef(Referenced, Base):
    __tablename__ = "customer_refs"
    __table_args__ = (Index("ix_customer_refs_email_key", "email_key"), members_index("customer_refs"))

    kind: Mapped[str]
    display_name: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    birth_date: Mapped[date | None]
    email: Mapped[str | None]
    email_key: Mapped[str | None]
    phone: Mapped[str | None]
    status: Mapped[str]
    value_class: Mapped[str]
    industry: Mapped[str]
    region: Mapped[str]
    source: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    key_account: Mapped[bool]
    language_code: Mapped[str]
    time_zone: Mapped[str]
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB)
    owner_id: Mapped[uuid.UUID | None]
    branch_id: Mapped[uuid.UUID | None]
    branch_path: Mapped[str]


customer_access = access_table("customer_access", "customer_id", Base.metadata)
scope_table(CustomerRef, "customers.read", party="id", shares=customer_access)
SHARES = Shares(customer_access)
CUSTOMERS = References(CustomerRef)
