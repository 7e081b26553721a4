"""Base of this service's mapped classes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from taproot_chassis.model import ModelBase, new_metadata


class Base(ModelBase, DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        uuid.UUID: Uuid,
        datetime: DateTime(timezone=True),
        str: Text,
        list[str]: ARRAY(Text),
        list[uuid.UUID]: ARRAY(Uuid),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


class CustomColumns:
    """Fields of the enterprise's own."""

    custom: Mapped[dict[str, Any]] = mapped_column(default=dict)


class PlacedColumns:
    """Whose a record is. `branch_path` follows from `branch_id` by the projection of branches."""

    owner_id: Mapped[uuid.UUID | None]
    branch_id: Mapped[uuid.UUID | None]
    branch_path: Mapped[str] = mapped_column(default="")
    team_id: Mapped[uuid.UUID | None]
