"""An export: a file of customers on its way out. Only who asked for it may fetch it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, DateTime, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from taproot_customer.results import RUNNING, Result
from taproot_storage.visibility import scope_table


class Export(Result):
    __tablename__ = "exports"
    aggregate_type: ClassVar[str] = "export"

    display_name: Mapped[str] = mapped_column(Text)
    file_format: Mapped[str] = mapped_column(Text)
    filter: Mapped[str] = mapped_column(Text, default="")
    order_by: Mapped[str] = mapped_column(Text, default="")
    columns: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    state: Mapped[str] = mapped_column(Text, default=RUNNING)
    row_count: Mapped[int] = mapped_column(BigInteger, default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    part_count: Mapped[int] = mapped_column(Integer, default=0)
    operation_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    error: Mapped[str] = mapped_column(Text, default="")
    end_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("ix_exports_owner", "owner_id", "create_time", "id"),
        Index("ix_exports_branch", "branch_path", "create_time", "id"),
        Index("ix_exports_recent", "create_time", "id"),
    )


scope_table(Export, "exports.read")
