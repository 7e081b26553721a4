"""The customer: its fields, its rules, what happens to it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Boolean, Column, Date, DateTime, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, WrongState
from taproot_base.text import sort_key
from taproot_customer.base import Base
from taproot_customer.search.keys import record_keys
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import custom_tokens
from taproot_storage.visibility import scope_table

UNIQUE_KINDS = ("tax_number", "external")


class CustomerExists(AlreadyExists):
    """A record with the same identifier exists; `customer_id` only when the caller may see it."""

    reason = "CUSTOMER_EXISTS"


@dataclass(frozen=True)
class Key:
    """An identifier in the form it is matched by."""

    kind: str
    normal: str


class Customer(Aggregate, Base):
    __tablename__ = "customers"
    aggregate_type: ClassVar[str] = "customer"

    kind: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    given_name: Mapped[str] = mapped_column(Text, default="")
    family_name: Mapped[str] = mapped_column(Text, default="")
    birth_date: Mapped[date | None] = mapped_column(Date)
    identifiers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    addresses: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    status: Mapped[str] = mapped_column(Text, default="potential")
    value_class: Mapped[str] = mapped_column(Text, default="")
    loyalty_class: Mapped[str] = mapped_column(Text, default="")
    industry: Mapped[str] = mapped_column(Text, default="")
    region: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    language_code: Mapped[str] = mapped_column(Text, default="zh-CN")
    time_zone: Mapped[str] = mapped_column(Text, default="")
    parent_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    key_account: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    sort_key: Mapped[str] = mapped_column(Text, default="")
    search_tokens: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    merged_into: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    merged_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)

    __table_args__ = (
        Index("ix_customers_owner", "owner_id", "create_time", "id"),
        Index("ix_customers_branch", "branch_path", "create_time", "id"),
        Index("ix_customers_recent", "create_time", "id"),
        Index("ix_customers_name", "sort_key", "id"),
        Index(
            "ix_customers_search",
            "search_tokens",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 256},
        ),
        Index("ix_customers_tags", "tags", postgresql_using="gin"),
        Index("ix_customers_parent", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
    )

    @property
    def party(self) -> uuid.UUID:
        return self.id

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Customer:
        customer = cls(id=key, create_time=now, **values)
        customer._refresh_derived()
        customer.record("created", now)
        return customer

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        """Set fields; nothing is recorded when nothing changes."""
        self._require_alive("updated")
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if not changed:
            return
        self.set_all(changed)
        self._refresh_derived()
        self.record("updated", now)

    def assign(
        self,
        owner_id: uuid.UUID | None,
        branch_id: uuid.UUID | None,
        branch_path: str,
        kind: str,
        now: datetime,
    ) -> None:
        """`kind`: how it changes hands. Without an owner it is in the pool of its branch."""
        self._require_alive("assigned")
        before = (self.owner_id, self.branch_id)
        self.owner_id, self.branch_id, self.branch_path = owner_id, branch_id, branch_path
        self.record("assigned", now, previous_owner_id=before[0], previous_branch_id=before[1], kind=kind)

    def classify(self, loyalty_class: str, now: datetime) -> bool:
        """Whether it was in another class before."""
        if self.loyalty_class == loyalty_class:
            return False
        self._require_alive("classified")
        self.loyalty_class = loyalty_class
        self.record("classified", now)
        return True

    def warn_of_recall(self, recall_time: datetime | None, now: datetime) -> None:
        self.record("recall_warned", now, recall_time=recall_time)

    def delete(self, now: datetime) -> None:
        self._require_alive("deleted")
        self.delete_time = now
        self.record("deleted", now)

    def undelete(self, now: datetime) -> None:
        if self.delete_time is None or self.merged_into is not None:
            raise WrongState("the customer", self.state, ["deleted"])
        self.delete_time = None
        self.record("undeleted", now)

    @property
    def state(self) -> str:
        if self.merged_into is not None:
            return "merged"
        return "alive" if self.delete_time is None else "deleted"

    def _require_alive(self, _verb: str) -> None:
        if self.state != "alive":
            raise WrongState("the customer", self.state, ["alive"])

    def _refresh_derived(self) -> None:
        """What is searched and sorted by follows the fields it comes from."""
        self.display_name = self.display_name or full_name(self.given_name, self.family_name)
        self.sort_key = sort_key(self.display_name)
        names = (self.display_name, self.given_name, self.family_name)
        found = record_keys(names, self.identifiers, [self.note])
        self.search_tokens = [*found, *custom_tokens(self)]


def full_name(given: str, family: str) -> str:
    """Chinese names are written family name first and without a blank."""
    if family and not family.isascii():
        return f"{family}{given}"
    return f"{given} {family}".strip()


customer_keys = Table(
    "customer_keys",
    Base.metadata,
    Column("customer_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("normal", Text, primary_key=True),
    Index("ix_customer_keys_match", "kind", "normal"),
    Index(
        "uq_customer_keys_strong",
        "kind",
        "normal",
        unique=True,
        postgresql_where=text("kind IN ('tax_number', 'external')"),
    ),
)

customer_access = Table(
    "customer_access",
    Base.metadata,
    Column("customer_id", Uuid, nullable=False),
    Column("id", Uuid, primary_key=True),
    Column("branch_path", Text),
    Column("owner_id", Uuid),
    Column("team_id", Uuid),
    Column("source", Text, nullable=False),
    Index("ix_customer_access_customer_id", "customer_id"),
    Index("ix_customer_access_branch_path", "branch_path", "customer_id"),
    Index("ix_customer_access_owner_id", "owner_id", "customer_id"),
    Index("ix_customer_access_team_id", "team_id", "customer_id"),
)

scope_table(Customer, "customers.read", party="id", shares=customer_access)
