"""A contact person of a customer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Boolean, Date, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.text import sort_key
from taproot_customer.base import Base, Recyclable
from taproot_customer.customers.model import full_name
from taproot_customer.search.keys import record_keys
from taproot_storage.model import custom_tokens
from taproot_storage.visibility import scope_table

DECISION_MAKER = "decision_maker"


class Contact(Recyclable, Base):
    __tablename__ = "contacts"
    aggregate_type: ClassVar[str] = "contact"

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    display_name: Mapped[str] = mapped_column(Text, default="")
    given_name: Mapped[str] = mapped_column(Text, default="")
    family_name: Mapped[str] = mapped_column(Text, default="")
    job_title: Mapped[str] = mapped_column(Text, default="")
    department: Mapped[str] = mapped_column(Text, default="")
    role: Mapped[str] = mapped_column(Text, default="")
    decision_maker: Mapped[bool] = mapped_column(Boolean, default=False)
    primary: Mapped[bool] = mapped_column(Boolean, default=False)
    identifiers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    birth_date: Mapped[date | None] = mapped_column(Date)
    language_code: Mapped[str] = mapped_column(Text, default="")
    person_customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    note: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    sort_key: Mapped[str] = mapped_column(Text, default="")
    search_tokens: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)

    __table_args__ = (
        Index("ix_contacts_customer", "customer_id", "create_time"),
        Index("ix_contacts_owner", "owner_id", "create_time", "id"),
        Index("ix_contacts_branch", "branch_path", "create_time", "id"),
        Index("ix_contacts_recent", "create_time", "id"),
        Index(
            "ix_contacts_search",
            "search_tokens",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 256},
        ),
    )

    @property
    def party(self) -> uuid.UUID:
        return self.customer_id

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Contact:
        contact = cls(id=key, create_time=now, **values)
        if contact.role == DECISION_MAKER:
            contact.decision_maker = True
        contact.derive()
        contact.record("created", now)
        return contact

    def follow(
        self, owner_id: uuid.UUID | None, branch_id: uuid.UUID | None, path: str, now: datetime
    ) -> None:
        """Move along with the customer."""
        before = (self.owner_id, self.branch_id)
        if before == (owner_id, branch_id):
            return
        self.owner_id, self.branch_id, self.branch_path = owner_id, branch_id, path
        self.record("updated", now, previous_owner_id=before[0], previous_branch_id=before[1])

    def delete(self, now: datetime) -> None:
        super().delete(now)
        self.primary = False

    def derive(self) -> None:
        self.display_name = self.display_name or full_name(self.given_name, self.family_name)
        self.sort_key = sort_key(self.display_name)
        names = (self.display_name, self.given_name, self.family_name)
        found = record_keys(names, self.identifiers, [self.note])
        self.search_tokens = [*found, *custom_tokens(self)]


scope_table(Contact, "contacts.read")
