"""Base of this service's mapped classes, and what several of them are besides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import DeclarativeBase, Mapped

from taproot_base.errors import WrongState
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import ModelBase, new_metadata


class Base(ModelBase, DeclarativeBase):
    metadata = new_metadata()


class Recyclable(Aggregate):
    """An aggregate that is deleted into the recycle bin, and in there changes no more."""

    delete_time: Mapped[datetime | None]

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        """Set fields; nothing is recorded when nothing changes."""
        self.require_alive()
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if changed:
            for name, value in changed.items():
                setattr(self, name, value)
            self.derive()
            self.record("updated", now)

    def derive(self) -> None:
        """Set what follows from other fields."""

    def delete(self, now: datetime) -> None:
        self.require_alive()
        self.delete_time = now
        self.record("deleted", now)

    def undelete(self, now: datetime) -> None:
        if self.delete_time is None:
            raise WrongState(f"the {self.aggregate_type}", "alive", ["deleted"])
        self.delete_time = None
        self.record("undeleted", now)

    def require_alive(self) -> None:
        if self.delete_time is not None:
            raise WrongState(f"the {self.aggregate_type}", "deleted", ["alive"])
