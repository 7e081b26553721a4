"""Base of this service's mapped classes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from taproot_chassis.model import ModelBase, new_metadata


class Base(ModelBase, DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        uuid.UUID: Uuid,
        datetime: DateTime(timezone=True),
    }


class Owned:
    """Columns of a record that belongs to a user and a branch; an empty path: to the enterprise itself."""

    owner_id: Mapped[uuid.UUID | None]
    branch_id: Mapped[uuid.UUID | None]
    branch_path: Mapped[str] = mapped_column(default="")


class Customizable:
    """Fields of the enterprise's own."""

    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
