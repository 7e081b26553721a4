"""A care date: a day of a customer or contact to be told of so many days ahead."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Date, DateTime, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import InvalidArgument, WrongState
from taproot_customer.base import Base, Recyclable
from taproot_customer.care_dates.schedule import Notice, first_notice, notices_between
from taproot_storage.visibility import scope_table

ACTIVE, CANCELLED, ENDED = "active", "cancelled", "ended"
MANUAL, BIRTH_DATE, ENTITLEMENT = "manual", "birth_date", "entitlement"
ONCE, YEARLY = "once", "yearly"
_EVERY_YEAR = ("birthday", "anniversary")
_AHEAD = {YEARLY: [7, 0], ONCE: [30, 7]}
_OWN_OF_DERIVED = {"days_before", "note", "custom"}
_DECIDE_WHEN = ("date", "recurrence", "days_before")


class CareDate(Recyclable, Base):
    __tablename__ = "care_dates"
    aggregate_type: ClassVar[str] = "care_date"

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    contact_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    kind: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    date: Mapped[dt.date] = mapped_column(Date)
    month_day: Mapped[int] = mapped_column(Integer, default=0)
    recurrence: Mapped[str] = mapped_column(Text, default="")
    days_before: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list)
    source: Mapped[str] = mapped_column(Text, default=MANUAL)
    source_version: Mapped[int] = mapped_column(BigInteger, default=0)
    related: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(Text, default=ACTIVE)
    next_notice_date: Mapped[dt.date | None] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    __table_args__ = (
        Index("ix_care_dates_customer", "customer_id", "create_time"),
        Index("ix_care_dates_owner", "owner_id", "create_time", "id"),
        Index("ix_care_dates_owner_day", "owner_id", "recurrence", "date"),
        Index("ix_care_dates_owner_month_day", "owner_id", "recurrence", "month_day"),
        Index("ix_care_dates_branch", "branch_path", "create_time", "id"),
        Index("ix_care_dates_recent", "create_time", "id"),
        Index(
            "ix_care_dates_next",
            "next_notice_date",
            "id",
            postgresql_where=text("state = 'active' AND delete_time IS NULL"),
        ),
    )

    @property
    def party(self) -> uuid.UUID:
        return self.customer_id

    @property
    def yearly(self) -> bool:
        return self.recurrence == YEARLY

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], today: dt.date, now: dt.datetime) -> CareDate:
        """`today`: the customer's; notices of days before it are not raised."""
        created = cls(id=key, create_time=now, **({"state": ACTIVE, "source": MANUAL} | dict(values)))
        created._complete()
        created.plan(today)
        created.record("created", now)
        return created

    def revise(self, values: Mapping[str, Any], today: dt.date, now: dt.datetime) -> None:
        """Change fields; what decides when it comes moves the notices not raised yet."""
        self.require_alive()
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        decided = sorted(set(changed) - _OWN_OF_DERIVED) if self.source != MANUAL else []
        if decided:
            raise InvalidArgument(
                [(f"care_date.{name}", "is decided by what it comes from") for name in decided]
            )
        self._apply(changed, today, now)

    def follow_source(
        self, values: Mapping[str, Any], version: int, today: dt.date, now: dt.datetime
    ) -> None:
        """What it comes from has changed. Whoever called it off, or put it away, has the last word."""
        self.source_version = version
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if self.state == ENDED:
            changed["state"] = ACTIVE
        self._apply(changed, today, now)

    def end(self, version: int, now: dt.datetime) -> None:
        """What it comes from is gone."""
        self.source_version = version
        if self.state == ACTIVE:
            self.state, self.next_notice_date = ENDED, None
            self.record("ended", now)

    def cancel(self, now: dt.datetime) -> None:
        self._require(ACTIVE)
        self.state, self.next_notice_date = CANCELLED, None
        self.record("cancelled", now)

    def reopen(self, today: dt.date, now: dt.datetime) -> None:
        self._require(CANCELLED)
        self.state = ACTIVE
        self.plan(today)
        self.record("reopened", now)

    def bring_back(self, today: dt.date, now: dt.datetime) -> None:
        """From the recycle bin; what was missed in there is not made up for."""
        if self.delete_time is not None:
            self.plan(today)
        self.undelete(now)

    def plan(self, since: dt.date) -> None:
        """Set the day of the next notice: the first on `since` or later."""
        notice = first_notice(self.date, self.days_before, since, yearly=self.yearly)
        self.next_notice_date = notice.day if notice is not None and self.state == ACTIVE else None

    def take_due(self, reached: dt.date) -> list[Notice]:
        """The notices of all days up to `reached` that were not taken yet; the next one is planned."""
        if self.next_notice_date is None or self.next_notice_date > reached:
            return []
        found = notices_between(
            self.date, self.days_before, self.next_notice_date, reached, yearly=self.yearly
        )
        self.plan(reached + dt.timedelta(days=1))
        return found

    def tell(self, notice: Notice, today: dt.date, zone: str, now: dt.datetime) -> None:
        years = notice.occurrence.year - self.date.year if self.yearly else 0
        left = (notice.occurrence - today).days
        self.record("due", now, notice=notice, days_left=left, years=years, time_zone=zone)

    def _apply(self, changed: Mapping[str, Any], today: dt.date, now: dt.datetime) -> None:
        if not changed:
            return
        for name, value in changed.items():
            setattr(self, name, value)
        self._complete()
        if any(name in changed for name in (*_DECIDE_WHEN, "state")):
            self.plan(today)
        self.record("updated", now)

    def _complete(self) -> None:
        self.recurrence = self.recurrence or (YEARLY if self.kind in _EVERY_YEAR else ONCE)
        self.month_day = month_day(self.date)
        self.days_before = _sorted(self.days_before or _AHEAD[self.recurrence])

    def _require(self, state: str) -> None:
        self.require_alive()
        if self.state != state:
            raise WrongState("the care date", self.state, [state])


def month_day(day: dt.date) -> int:
    """What a yearly day is looked up by."""
    return day.month * 100 + day.day


def _sorted(days: Collection[int]) -> list[int]:
    return sorted(set(days), reverse=True)


# One row per notice: what was raised is not raised again, whatever is written to the care date since.
care_date_notices = Table(
    "care_date_notices",
    Base.metadata,
    Column("care_date_id", Uuid, primary_key=True),
    Column("occurrence", Date, primary_key=True),
    Column("days_before", Integer, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("raise_time", DateTime(timezone=True)),
    Index("ix_care_date_notices_customer", "customer_id"),
)

scope_table(CareDate, "care_dates.read")
