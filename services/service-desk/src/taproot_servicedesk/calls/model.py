"""A telephone call."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, InvalidArgument, WrongState
from taproot_records.checks import Checks
from taproot_servicedesk.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, TeamOwned
from taproot_storage.visibility import scope_table

RINGING, ANSWERED, ENDED, ABANDONED = "ringing", "answered", "ended", "abandoned"


class CallExists(AlreadyExists):
    reason = "CALL_EXISTS"

    def __init__(self) -> None:
        super().__init__("a call with this external_id is stored already")


class Call(TeamOwned, Customizable, Aggregate, Base):
    __tablename__ = "calls"
    __table_args__ = (
        Index("uq_calls_external_id", "external_id", unique=True),
        Index("ix_calls_customer_id", "customer_id", "start_time", "id"),
        Index("ix_calls_ticket_id", "ticket_id"),
        Index("ix_calls_owner_id", "owner_id", "start_time", "id"),
        Index("ix_calls_branch_path", "branch_path", "start_time", "id"),
        Index("ix_calls_team_id", "team_id", "start_time", "id"),
        Index("ix_calls_start_time", "start_time", "id"),
        Index("ix_calls_queue_id", "queue_id", "start_time"),
    )
    aggregate_type: ClassVar[str] = "call"

    phone: Mapped[str] = mapped_column(default="")
    direction: Mapped[str] = mapped_column(default="inbound")
    state: Mapped[str] = mapped_column(default=RINGING)
    external_id: Mapped[str | None]
    customer_id: Mapped[uuid.UUID | None]
    contact_id: Mapped[uuid.UUID | None]
    queue_id: Mapped[uuid.UUID | None]
    ticket_id: Mapped[uuid.UUID | None]
    start_time: Mapped[datetime]
    answer_time: Mapped[datetime | None]
    end_time: Mapped[datetime | None]
    wait_seconds: Mapped[int] = mapped_column(default=0)
    talk_seconds: Mapped[int] = mapped_column(default=0)
    recording_uri: Mapped[str] = mapped_column(default="")
    outcome: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def start(self, now: datetime) -> None:
        """A ringing call, or one recorded afterwards with the times it had."""
        self.create_time = now
        self.direction = self.direction or "inbound"
        checks = Checks()
        if not self.phone:
            checks.refuse("call.phone", "is required")
        with checks:
            self._check_times()
        checks.done()
        self._follow_times()
        self.record("ended" if self.end_time else "started", now)

    def _check_times(self) -> None:
        known = [time for time in (self.start_time, self.answer_time, self.end_time) if time is not None]
        if known != sorted(known):
            raise InvalidArgument(
                [("call.end_time", "a call is answered after it rings and ends after that")]
            )

    def _follow_times(self) -> None:
        if self.end_time is not None:
            self.state = ENDED if self.answer_time else ABANDONED
        else:
            self.state = ANSWERED if self.answer_time else RINGING
        waited_until = self.answer_time or self.end_time
        self.wait_seconds = _seconds(self.start_time, waited_until)
        self.talk_seconds = _seconds(self.answer_time, self.end_time)

    def answer(self, owner_id: uuid.UUID | None, at: datetime, now: datetime) -> None:
        self._require(RINGING)
        self.answer_time, self.owner_id = at, owner_id or self.owner_id
        self._check_times()
        self._follow_times()
        self.record("answered", now)

    def end(self, at: datetime, values: dict[str, Any], now: datetime) -> None:
        self._require(RINGING, ANSWERED)
        self.set_all(values)
        self.end_time = at
        self._check_times()
        self._follow_times()
        self.record("ended", now)

    def change(self, values: dict[str, Any], now: datetime) -> None:
        self.set_all(values)
        self.record("updated", now)

    def _require(self, *allowed: str) -> None:
        if self.state not in allowed:
            raise WrongState("the call", self.state.upper(), [state.upper() for state in allowed])


def _seconds(start: datetime | None, end: datetime | None) -> int:
    return 0 if start is None or end is None else max(0, int((end - start).total_seconds()))


scope_table(Call, "calls.read", team="team_id", party="customer_id")
