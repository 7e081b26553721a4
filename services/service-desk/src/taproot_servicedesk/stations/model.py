"""A repair or service station."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, InvalidArgument, WrongState
from taproot_servicedesk.base import Base
from taproot_servicedesk.dispatches.scoring import Candidate
from taproot_servicedesk.stations.rating import Rating, failing
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, TeamOwned
from taproot_storage.visibility import scope_table

OFFER_MINUTES = 240


class StationExists(AlreadyExists):
    reason = "STATION_EXISTS"

    def __init__(self) -> None:
        super().__init__("a station with this code exists")


class StationInUse(AppError):
    reason = "STATION_IN_USE"

    def __init__(self) -> None:
        super().__init__("the station has open dispatches; let them end or cancel them first")


class Station(TeamOwned, Customizable, Aggregate, Base):
    """`passed_since_unflag` starts anew when a person clears the flag, so it is not set again at once."""

    __tablename__ = "stations"
    __table_args__ = (
        Index("uq_stations_code", "code", unique=True),
        Index("ix_stations_owner_id", "owner_id", "create_time", "id"),
        Index("ix_stations_branch_path", "branch_path", "create_time", "id"),
        Index("ix_stations_team_id", "team_id", "create_time", "id"),
        Index("ix_stations_create_time", "create_time", "id"),
        CheckConstraint("open_dispatch_count >= 0", name="open_dispatch_count"),
    )
    aggregate_type: ClassVar[str] = "station"

    display_name: Mapped[str] = mapped_column(default="")
    code: Mapped[str] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)
    regions: Mapped[list[str]] = mapped_column(default=list)
    skills: Mapped[list[str]] = mapped_column(default=list)
    capacity: Mapped[int] = mapped_column(default=0)
    open_dispatch_count: Mapped[int] = mapped_column(default=0)
    rating: Mapped[Decimal | None] = mapped_column(Numeric)
    rating_total: Mapped[Decimal] = mapped_column(Numeric, default=Decimal())
    rating_count: Mapped[int] = mapped_column(default=0)
    flagged: Mapped[bool] = mapped_column(default=False)
    flag_reason: Mapped[str] = mapped_column(default="")
    unflag_time: Mapped[datetime | None]
    offer_minutes: Mapped[int] = mapped_column(default=OFFER_MINUTES)
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")

    def change(self, values: dict[str, Any], now: datetime) -> None:
        """Set fields and check the whole; the first change creates."""
        self.set_all(values)
        self.offer_minutes = self.offer_minutes or OFFER_MINUTES
        required = {"display_name": self.display_name, "code": self.code, "capacity": self.capacity}
        faults = [(f"station.{name}", "is required") for name, value in required.items() if not value]
        if faults:
            raise InvalidArgument(faults)
        self.record("updated" if self.version else "created", now)

    def delete(self, now: datetime) -> None:
        if self.open_dispatch_count:
            raise StationInUse
        self.record("deleted", now)

    def rate(self, score: Decimal, now: datetime) -> None:
        """Take in a score from 0 to 5."""
        rating = Rating(self.rating_total, self.rating_count).with_score(score)
        self.rating_total, self.rating_count, self.rating = rating.total, rating.count, rating.mean
        self.record("rated", now)

    def judge(self, recent_passed: Sequence[bool], now: datetime) -> None:
        """Flag the station when it fails; only a person clears the flag."""
        reason = failing(Rating(self.rating_total, self.rating_count), recent_passed)
        if reason and not self.flagged:
            self.flagged, self.flag_reason = True, reason
            self.record("flagged", now)

    def unflag(self, now: datetime) -> None:
        """Clears the flag; scores and offers from before no longer count against it."""
        if not self.flagged:
            raise WrongState("the station", "NOT FLAGGED", ["FLAGGED"])
        self.flagged, self.flag_reason, self.unflag_time = False, "", now
        self.rating_total, self.rating_count, self.rating = Decimal(), 0, None
        self.record("unflagged", now)

    @property
    def candidate(self) -> Candidate:
        return Candidate(
            self.id,
            frozenset(self.regions),
            frozenset(self.skills),
            self.capacity,
            self.open_dispatch_count,
            self.rating,
            self.flagged,
        )


scope_table(Station, "stations.read", team="team_id")
