"""What happened on a ticket: written once, never changed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.ids import new_id
from taproot_servicedesk.base import Base


@dataclass(frozen=True)
class Author:
    """`kind` is staff, customer or system."""

    kind: str
    id: str = ""


SYSTEM = Author("system")


class TicketEntry(Base):
    __tablename__ = "ticket_entries"
    __table_args__ = (Index("ix_ticket_entries_ticket_id", "ticket_id", "create_time", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    public: Mapped[bool] = mapped_column(default=False)
    author_kind: Mapped[str]
    author_id: Mapped[str] = mapped_column(default="")
    body: Mapped[str] = mapped_column(default="")
    previous_value: Mapped[str] = mapped_column(default="")
    value: Mapped[str] = mapped_column(default="")
    channel: Mapped[str] = mapped_column(default="")
    attachments: Mapped[list[str]] = mapped_column(default=list)
    create_time: Mapped[datetime]

    @classmethod
    def by(
        cls, author: Author, ticket_id: uuid.UUID, kind: str, public: bool, now: datetime, **values: Any
    ) -> TicketEntry:
        return cls(
            id=new_id(),
            ticket_id=ticket_id,
            kind=kind,
            public=public,
            author_kind=author.kind,
            author_id=author.id,
            create_time=now,
            **values,
        )
