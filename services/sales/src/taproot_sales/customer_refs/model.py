"""What this service knows of customers: a projection of the customer service's events."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Mapped, mapped_column

from taproot_records.references import Referenced, References, members_index
from taproot_sales.base import Base


class CustomerRef(Referenced, Base):
    __tablename__ = "customer_refs"
    __table_args__ = (members_index("customer_refs"),)

    kind: Mapped[str] = mapped_column(default="")
    display_name: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="")
    value_class: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    language_code: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    owner_id: Mapped[uuid.UUID | None]
    branch_id: Mapped[uuid.UUID | None]


CUSTOMERS = References(CustomerRef)
