"""An import: a file of customers on its way in, with where it stands."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, Kind, WrongState
from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

DRAFT, VALIDATING, VALIDATED, RUNNING = "draft", "validating", "validated", "running"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
UNDOING, UNDONE = "undoing", "undone"
EDITABLE = (DRAFT, VALIDATED)
ACTIVE = (VALIDATING, RUNNING, UNDOING)
ENDED = (SUCCEEDED, FAILED, CANCELLED)
COUNTS = ("read_count", "created_count", "updated_count", "skipped_count", "rejected_count")


class NoTextTable(AppError):
    kind = Kind.INVALID
    reason = "NO_TEXT_TABLE"


class Import(Aggregate, Base):
    __tablename__ = "imports"
    aggregate_type: ClassVar[str] = "import"

    display_name: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text, default="")
    blob_key: Mapped[str] = mapped_column(Text)
    dialect: Mapped[dict[str, Any]] = mapped_column(JSONB)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    state: Mapped[str] = mapped_column(Text, default=DRAFT)
    read_count: Mapped[int] = mapped_column(BigInteger, default=0)
    created_count: Mapped[int] = mapped_column(BigInteger, default=0)
    updated_count: Mapped[int] = mapped_column(BigInteger, default=0)
    skipped_count: Mapped[int] = mapped_column(BigInteger, default=0)
    rejected_count: Mapped[int] = mapped_column(BigInteger, default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    done_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    next_line: Mapped[int] = mapped_column(BigInteger, default=0)
    operation_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    error: Mapped[str] = mapped_column(Text, default="")
    undone_count: Mapped[int] = mapped_column(BigInteger, default=0)
    kept_count: Mapped[int] = mapped_column(BigInteger, default=0)
    begin_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expected_end_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("ix_imports_owner", "owner_id", "create_time", "id"),
        Index("ix_imports_branch", "branch_path", "create_time", "id"),
        Index("ix_imports_recent", "create_time", "id"),
    )

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Import:
        found = cls(id=key, create_time=now, **values)
        found.record("created", now)
        return found

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        """Set fields; nothing is recorded when nothing changes."""
        self._require(EDITABLE)
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if changed:
            self.set_all(changed)
            self.record("updated", now)

    def begin(self, state: str, operation_id: uuid.UUID, now: datetime) -> None:
        """A dry run (VALIDATING) or the run itself (RUNNING), from the first row on."""
        self._require(EDITABLE)
        self.state, self.operation_id, self.cancel_requested = state, operation_id, False
        self.done_bytes = self.next_line = 0
        self.error, self.end_time, self.expected_end_time, self.begin_time = "", None, None, now
        self.set_all(dict.fromkeys(COUNTS, 0))
        self.record("started" if state == RUNNING else "updated", now)

    def begin_undo(self, operation_id: uuid.UUID, now: datetime) -> None:
        self._require(ENDED)
        self.state, self.operation_id, self.cancel_requested = UNDOING, operation_id, False
        self.error, self.end_time, self.expected_end_time, self.begin_time = "", None, None, now
        self.record("updated", now)

    def advance_undo(self, undone: int, kept: int, total: int, now: datetime) -> None:
        self.undone_count += undone
        self.kept_count += kept
        self._expect_end(self.undone_count + self.kept_count, total, now)

    def _expect_end(self, done: int, total: int, now: datetime) -> None:
        if self.begin_time is not None and done > 0:
            self.expected_end_time = now + (now - self.begin_time) * max(0, total - done) / done

    def advance(self, results: Sequence[str], done_bytes: int, next_line: int, now: datetime) -> None:
        """One chunk more; the counts always add up."""
        self.read_count += len(results)
        for result in results:
            name = f"{result}_count"
            setattr(self, name, getattr(self, name) + 1)
        self.done_bytes, self.next_line = done_bytes, next_line
        self._expect_end(done_bytes, self.size_bytes, now)

    def finish(self, state: str, error: str, now: datetime) -> None:
        what = {VALIDATING: "updated", UNDOING: "undone"}.get(self.state, "finished")
        self.state, self.error, self.end_time, self.expected_end_time = state, error, now, None
        self.record(what, now)

    def ask_to_stop(self) -> None:
        self._require(ACTIVE)
        self.cancel_requested = True

    def require_idle(self) -> None:
        if self.state in ACTIVE:
            raise WrongState("the import", self.state, (*EDITABLE, *ENDED, UNDONE))

    def _require(self, allowed: Sequence[str]) -> None:
        if self.state not in allowed:
            raise WrongState("the import", self.state, allowed)


import_rows = Table(
    "import_rows",
    Base.metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("line", BigInteger, primary_key=True),
    Column("result", Text, nullable=False),
    Column("cells", ARRAY(Text), nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("customer_id", Uuid),
    Index("ix_import_rows_result", "import_id", "result", "line"),
)

# Identifiers a dry run would have created, so that a second row with one of them shows as an update.
import_keys = Table(
    "import_keys",
    Base.metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("normal", Text, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
)

# What a run did to each customer, so that it can be taken back.
import_changes = Table(
    "import_changes",
    Base.metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("customer_id", Uuid, primary_key=True),
    Column("line", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("undo_result", Text, nullable=False, server_default=""),
    Column("kept_fields", ARRAY(Text), nullable=False, server_default="{}"),
    Index("ix_import_changes_line", "import_id", "line"),
)

scope_table(Import, "imports.read")
