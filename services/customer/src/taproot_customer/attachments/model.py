"""An attachment: a file on a customer. The bytes lie in the store of blobs, under a key nobody chooses."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table


class Attachment(Aggregate, Base):
    __tablename__ = "attachments"
    aggregate_type: ClassVar[str] = "attachment"

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    display_name: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="")
    media_type: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    blob_key: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    __table_args__ = (
        Index("uq_attachments_blob_key", "blob_key", unique=True),
        Index("ix_attachments_customer", "customer_id", "create_time", "id"),
        Index("ix_attachments_owner", "owner_id", "create_time", "id"),
        Index("ix_attachments_branch", "branch_path", "create_time", "id"),
        Index("ix_attachments_recent", "create_time", "id"),
    )

    @property
    def party(self) -> uuid.UUID:
        return self.customer_id

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Attachment:
        attachment = cls(id=key, create_time=now, **values)
        attachment.record("created", now)
        return attachment

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        """Set fields; nothing is recorded when nothing changes."""
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if changed:
            self.set_all(changed)
            self.record("updated", now)

    def delete(self, now: datetime) -> None:
        """The row goes after this; its event tells the last state."""
        self.record("deleted", now)


scope_table(Attachment, "attachments.read")
