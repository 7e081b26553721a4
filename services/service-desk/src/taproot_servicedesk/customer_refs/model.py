"""What the service desk needs to know of a customer: a projection of the customer service's events."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from taproot_records.references import Referenced, References, members_index
from taproot_records.shares import Shares, access_table
from taproot_servicedesk.base import Base
from taproot_storage.model import Owned
from taproot_storage.visibility import scope_table


class CustomerRef(Referenced, Owned, Base):
    __tablename__ = "customer_refs"

    display_name: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="")
    value_class: Mapped[str] = mapped_column(default="")
    key_account: Mapped[bool] = mapped_column(default=False)
    language_code: Mapped[str] = mapped_column(default="")
    time_zone: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    phones: Mapped[list[str]] = mapped_column(default=list)

    __table_args__ = (
        Index(
            "ix_customer_refs_phones", "phones", postgresql_using="gin", postgresql_with={"fastupdate": "off"}
        ),
        members_index("customer_refs"),
        Index("ix_customer_refs_owner_id", "owner_id"),
        Index("ix_customer_refs_branch_path", "branch_path"),
    )


customer_access = access_table("customer_access", "customer_id", Base.metadata)
scope_table(CustomerRef, "customers.read", shares=customer_access)
SHARES = Shares(customer_access)
CUSTOMERS = References(CustomerRef)
