"""Endpoints: the mapped class with its verbs, and the tables of how sending goes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import NotFound, WrongState
from taproot_gateway.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

ENABLED, DISABLED = "enabled", "disabled"
BY_HAND, FAILING, GONE, OWNER_GONE = "by_hand", "failing", "gone", "owner_gone"
PENDING, DELIVERED, DEAD, SKIPPED = "pending", "delivered", "dead", "skipped"
Instant = DateTime(timezone=True)


class Webhook(Aggregate, Base):
    __tablename__ = "webhooks"
    aggregate_type: ClassVar[str] = "webhook"

    display_name: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    event_types: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    filter: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(Text, default=ENABLED)
    disable_reason: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    """Sealed, see `secrets.py`."""
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_secret_expire_time: Mapped[datetime | None] = mapped_column(Instant)
    delete_time: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (
        Index("ix_webhooks_owner", "owner_id", "create_time", "id"),
        Index("ix_webhooks_branch", "branch_path", "create_time", "id"),
        Index("ix_webhooks_state", "state", postgresql_where=text("delete_time IS NULL")),
    )

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], secret: bytes, now: datetime) -> Webhook:
        webhook = cls(id=key, create_time=now, state=ENABLED, secret=secret, **values)
        webhook.record("created", now)
        return webhook

    def change(self, values: Mapping[str, Any], owner_id: uuid.UUID, now: datetime) -> None:
        """Whoever says what is sent and where to is the one in whose name it is sent."""
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if not changed:
            return
        self.set_all(changed)
        self.owner_id = owner_id
        self.record("updated", now)

    def rotate(
        self, secret: bytes, previous_until: datetime | None, owner_id: uuid.UUID, now: datetime
    ) -> None:
        self.previous_secret = self.secret if previous_until is not None else None
        self.previous_secret_expire_time = previous_until
        self.secret = secret
        self.owner_id = owner_id
        self.record("secret_rotated", now)

    def enable(self, now: datetime) -> None:
        if self.state != DISABLED:
            raise WrongState("webhook", self.state, [DISABLED])
        self.state, self.disable_reason = ENABLED, ""
        self.record("enabled", now)

    def disable(self, reason: str, now: datetime) -> None:
        if self.state != ENABLED:
            raise WrongState("webhook", self.state, [ENABLED])
        self.state, self.disable_reason = DISABLED, reason
        self.record("disabled", now)

    def require_enabled(self) -> None:
        if self.state != ENABLED:
            raise WrongState("webhook", self.state, [ENABLED])

    def delete(self, now: datetime) -> None:
        if self.delete_time is not None:
            raise NotFound("webhook", self.id)
        self.delete_time = now
        self.record("deleted", now)


scope_table(Webhook, "webhooks.read")

# Who sends, and how it goes: changes with every attempt, so it is no part of the record's version.
webhook_runs = Table(
    "webhook_runs",
    Base.metadata,
    Column("webhook_id", Uuid, primary_key=True),
    Column("leased_until", Instant, nullable=False),
    Column("resume_time", Instant, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("failing_since", Instant),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("webhook_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("occur_time", Instant, nullable=False),
    Column("party_id", Uuid),
    Column("owner_id", Uuid),
    Column("branch_path", Text),
    Column("actor", Text, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_time", Instant),
    Column("response_status", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("deliver_time", Instant),
    Index("uq_webhook_deliveries_event", "webhook_id", "event_id", unique=True),
    Index(
        "ix_webhook_deliveries_due",
        "webhook_id",
        "next_attempt_time",
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_webhook_deliveries_occurred", "webhook_id", "occur_time", "id"),
    Index("ix_webhook_deliveries_age", "occur_time"),
)
