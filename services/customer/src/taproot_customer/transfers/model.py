"""A transfer: many customers that change hands together."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Boolean, Column, Index, Integer, Table, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import WrongState
from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Owned

RUNNING, DONE, UNDOING, UNDONE = "running", "done", "undoing", "undone"


class Transfer(Owned, Aggregate, Base):
    """Counts grow with each batch; only beginnings and ends are told. Read only through `queries`: seen by who asked
    for it and by who may assign customers in the branch it was asked for in.
    """

    __tablename__ = "transfers"
    aggregate_type: ClassVar[str] = "transfer"

    display_name: Mapped[str]
    from_owner_id: Mapped[uuid.UUID]
    to_owner_ids: Mapped[list[uuid.UUID]]
    filter: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=RUNNING)
    customer_count: Mapped[int] = mapped_column(Integer, default=0)
    task_count: Mapped[int] = mapped_column(Integer, default=0)
    returned_count: Mapped[int] = mapped_column(Integer, default=0)
    kept_count: Mapped[int] = mapped_column(Integer, default=0)

    __table_args__ = (
        Index("ix_transfers_owner_id", "owner_id", "create_time", "id"),
        Index("ix_transfers_branch_path", "branch_path", "create_time", "id"),
        Index("ix_transfers_create_time", "create_time", "id"),
    )

    def start(self, now: datetime) -> None:
        self.record("started", now)

    def complete(self, now: datetime) -> None:
        self._move(RUNNING, DONE)
        self.record("completed", now)

    def start_undo(self, now: datetime) -> None:
        self._move(DONE, UNDOING)
        self.record("undo_started", now)

    def end_undo(self, now: datetime) -> None:
        self._move(UNDOING, UNDONE)
        self.record("undone", now)

    def stop(self, now: datetime) -> None:
        """Cancelled or failed on the way: what has been moved so far is what may be undone, again."""
        event = "completed" if self.state == RUNNING else "undo_stopped"
        self.state = DONE
        self.record(event, now)

    def _move(self, before: str, after: str) -> None:
        if self.state != before:
            raise WrongState("the transfer", self.state, [before])
        self.state = after

    def target(self, number: int) -> uuid.UUID | None:
        """Who gets the customer of that number; nobody: the pool."""
        return self.to_owner_ids[number % len(self.to_owner_ids)] if self.to_owner_ids else None


# What a transfer moved, to give it back; `open` until it has been given back or left where it is by then.
transferred = Table(
    "transferred",
    Base.metadata,
    Column("transfer_id", Uuid, primary_key=True),
    Column("record_id", Uuid, primary_key=True),
    Column("task", Boolean, nullable=False),
    Column("to_owner_id", Uuid),
    Column("from_branch_id", Uuid),
    Column("open", Boolean, nullable=False),
    Index("ix_transferred_open", "transfer_id", "record_id", postgresql_where=text("open")),
)
