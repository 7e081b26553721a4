"""What an operation leaves behind for those who asked for it: an export, an insight."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy.orm import Mapped

from taproot_base.errors import WrongState
from taproot_customer.base import Base
from taproot_storage.eventlog import Aggregate

RUNNING, SUCCEEDED, FAILED, CANCELLED = "running", "succeeded", "failed", "cancelled"


class Result(Aggregate, Base):
    """The columns stand with each record's own."""

    __abstract__ = True

    if TYPE_CHECKING:
        state: Mapped[str]
        error: Mapped[str]
        end_time: Mapped[datetime | None]

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Self:
        found = cls(id=key, create_time=now, **values)
        found.record("created", now)
        return found

    def finish(self, state: str, error: str, now: datetime) -> None:
        self.state, self.error, self.end_time = state, error, now
        self.record("finished", now)

    def fetched(self, now: datetime) -> None:
        """Whoever took it out of the house is on record."""
        self.require(SUCCEEDED)
        self.record("downloaded", now)

    def require(self, *allowed: str) -> None:
        if self.state not in allowed:
            raise WrongState(f"the {self.aggregate_type}", self.state, allowed)
