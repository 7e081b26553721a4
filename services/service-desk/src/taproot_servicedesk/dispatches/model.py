"""One offer of a repair ticket to one station."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, WrongState
from taproot_servicedesk.base import Base
from taproot_servicedesk.dispatches.scoring import Score
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import TeamOwned
from taproot_storage.visibility import scope_table

OFFERED, ACCEPTED, REFUSED = "offered", "accepted", "refused"
TIMED_OUT, DONE, CANCELLED = "timed_out", "done", "cancelled"
OPEN = (OFFERED, ACCEPTED)


class NoStation(AppError):
    reason = "NO_STATION"

    def __init__(self) -> None:
        super().__init__("no active station with room serves the region and product of the ticket")


class DispatchOpen(AppError):
    reason = "DISPATCH_OPEN"

    def __init__(self) -> None:
        super().__init__("the ticket is offered to or accepted by a station already")


class Dispatch(TeamOwned, Aggregate, Base):
    """At most one per ticket is open: the unique partial index sees to it under concurrency."""

    __tablename__ = "dispatches"
    __table_args__ = (
        Index(
            "uq_dispatches_open",
            "ticket_id",
            unique=True,
            postgresql_where=text("state IN ('offered', 'accepted')"),
        ),
        Index("ix_dispatches_ticket_id", "ticket_id", "attempt"),
        Index("ix_dispatches_station_id", "station_id", "offer_time"),
        Index("ix_dispatches_expire_time", "expire_time", postgresql_where=text("state = 'offered'")),
        Index("ix_dispatches_owner_id", "owner_id", "create_time", "id"),
        Index("ix_dispatches_branch_path", "branch_path", "create_time", "id"),
        Index("ix_dispatches_team_id", "team_id", "create_time", "id"),
        Index("ix_dispatches_customer_id", "customer_id", "create_time", "id"),
        Index("ix_dispatches_create_time", "create_time", "id"),
    )
    aggregate_type: ClassVar[str] = "dispatch"

    ticket_id: Mapped[uuid.UUID]
    display_name: Mapped[str] = mapped_column(default="")
    station_id: Mapped[uuid.UUID]
    state: Mapped[str] = mapped_column(default=OFFERED)
    attempt: Mapped[int]
    score: Mapped[Decimal | None] = mapped_column(Numeric)
    score_parts: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    offer_time: Mapped[datetime]
    expire_time: Mapped[datetime]
    answer_time: Mapped[datetime | None]
    done_time: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    customer_id: Mapped[uuid.UUID | None]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def offer(self, score: Score | None, station: Any, now: datetime) -> None:
        self.create_time = self.offer_time = now
        if score is not None:
            self.score = score.total
            self.score_parts = [
                {
                    "factor": part.factor,
                    "value": str(part.value),
                    "points": str(part.points),
                    "explanation": part.explanation,
                }
                for part in score.parts
            ]
        self.record("offered", now, station=station)

    def accept(self, station: Any, now: datetime) -> None:
        self._move(ACCEPTED, (OFFERED,), station, now)

    def refuse(self, reason: str, station: Any, now: datetime) -> None:
        self.note = reason
        self._move(REFUSED, (OFFERED,), station, now)

    def time_out(self, station: Any, now: datetime) -> None:
        self._move(TIMED_OUT, (OFFERED,), station, now)

    def complete(self, result: str, station: Any, now: datetime) -> None:
        self.note = result
        self._move(DONE, (ACCEPTED,), station, now)

    def cancel(self, reason: str, station: Any, now: datetime) -> None:
        self.note = reason
        self._move(CANCELLED, OPEN, station, now)

    def _move(self, state: str, allowed: tuple[str, ...], station: Any, now: datetime) -> None:
        if self.state not in allowed:
            raise WrongState("the dispatch", self.state.upper(), [name.upper() for name in allowed])
        if state in (ACCEPTED, REFUSED):
            self.answer_time = now
        if state == DONE:
            self.done_time = now
        self.state = state
        self.record(state, now, station=station)


scope_table(Dispatch, "dispatches.read", team="team_id", party="customer_id")
