"""An erasure: one person forgotten by every service, and the proof of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Boolean, DateTime, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, Kind
from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

RUNNING, SUCCEEDED = "running", "succeeded"
LAST = "customer"
SERVICES = ("sales", "servicedesk", "marketing", "identity", LAST)
"""In the order they erase: whoever knows by what the person is known comes last."""


class ErasureRefused(AppError):
    """Something is still open with the person; `open` names it."""

    kind = Kind.STATE
    reason = "OPEN_WITH_CUSTOMER"

    def __init__(self, found: Iterable[str]) -> None:
        listed = sorted(found)
        super().__init__(
            f"still open with this customer: {', '.join(listed)}; close it, or erase by force with a reason",
            open=", ".join(listed),
        )


class BeingErased(AppError):
    kind = Kind.STATE
    reason = "BEING_ERASED"

    def __init__(self) -> None:
        super().__init__("the customer is being erased already")


class Erasure(Aggregate, Base):
    __tablename__ = "erasures"
    aggregate_type: ClassVar[str] = "erasure"

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    state: Mapped[str] = mapped_column(Text, default=RUNNING)
    reason: Mapped[str] = mapped_column(Text, default="")
    forced: Mapped[bool] = mapped_column(Boolean, default=False)
    person: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    """By what the person is known: found before the first service erases, and only ids after the last."""
    done_services: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    missing_services: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    parts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    """Service -> what it said it did."""
    subject_hashes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    receipt: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    operation_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    end_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_erasures_owner", "owner_id", "create_time", "id"),
        Index("ix_erasures_branch", "branch_path", "create_time", "id"),
        Index("ix_erasures_recent", "create_time", "id"),
        Index("uq_erasures_running", "customer_id", unique=True, postgresql_where="state = 'running'"),
    )

    @classmethod
    def request(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Erasure:
        found = cls(id=key, create_time=now, **values)
        found.record("requested", now)
        return found

    def know(self, person: Mapping[str, Any], hashes: Iterable[str], now: datetime) -> None:
        self.person, self.subject_hashes, self.update_time = dict(person), sorted(hashes), now

    def wait_for(self, service: str, now: datetime) -> None:
        self.missing_services, self.update_time = [service], now

    def note(self, service: str, part: Mapping[str, Any], now: datetime) -> None:
        """A service has erased, or has looked again."""
        self.parts = {**self.parts, service: dict(part)}
        self.done_services = [one for one in SERVICES if one in {*self.done_services, service}]
        self.missing_services, self.update_time = [], now
        if service == LAST:
            self.person = {**self.person, "emails": [], "phones": []}

    def complete(self, receipt: Mapping[str, str], now: datetime) -> None:
        self.state, self.receipt, self.end_time, self.person = SUCCEEDED, dict(receipt), now, {}
        self.missing_services = []
        self.record("completed", now)


scope_table(Erasure, "erasures.read")
