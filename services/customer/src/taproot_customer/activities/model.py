"""An activity: one touch between us and a customer, planned or done."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import DateTime, Index, Interval, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import WrongState
from taproot_customer.activities import participants
from taproot_customer.base import Base, Recyclable
from taproot_customer.recurrence.series import Change, Occurrence, Series
from taproot_customer.search.keys import note_keys, text_words
from taproot_storage.visibility import scope_table

PLANNED, DONE, CANCELLED = "planned", "done", "cancelled"


class Activity(Recyclable, Base):
    __tablename__ = "activities"
    aggregate_type: ClassVar[str] = "activity"

    customer_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, default="")
    direction: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text, default="")
    start_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    time_spent: Mapped[timedelta | None] = mapped_column(Interval)
    contact_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    participants: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    participant_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    participant_user_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    related: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    place: Mapped[str] = mapped_column(Text, default="")
    repeats: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    series_end_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lead: Mapped[timedelta | None] = mapped_column(Interval)
    reminded_through: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    next_reminder_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    comment: Mapped[str] = mapped_column(Text, default="")
    comment_user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    search_tokens: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)

    __table_args__ = (
        Index("ix_activities_id", "id"),
        Index("ix_activities_customer", "customer_id", "start_time", "id"),
        Index("ix_activities_owner", "owner_id", "start_time", "id"),
        Index("ix_activities_branch", "branch_path", "start_time", "id"),
        Index("ix_activities_series_owner", "owner_id", postgresql_where=text("repeats IS NOT NULL")),
        Index("ix_activities_series_customer", "customer_id", postgresql_where=text("repeats IS NOT NULL")),
        Index(
            "ix_activities_reminder",
            "next_reminder_time",
            postgresql_where=text("next_reminder_time IS NOT NULL"),
        ),
        Index("ix_activities_recent", "start_time", "id"),
        Index("ix_activities_participants", "participant_ids", postgresql_using="gin"),
        Index("ix_activities_participant_users", "participant_user_ids", postgresql_using="gin"),
        Index(
            "ix_activities_search",
            "search_tokens",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 64},
        ),
        {"postgresql_partition_by": "HASH (customer_id)"},
    )

    @property
    def party(self) -> uuid.UUID:
        return self.customer_id

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Activity:
        start = values.get("start_time") or now
        state = PLANNED if start > now or values.get("repeats") else DONE
        direction = values.get("direction") or ("" if values["kind"] == "note" else "outbound")
        fields = {**values, "start_time": start, "state": state, "direction": direction}
        activity = cls(id=key, create_time=now, **fields)
        activity.derive()
        activity.record("created", now)
        return activity

    def complete(self, outcome: str, body: str, now: datetime) -> None:
        self._require(PLANNED)
        self.state = DONE
        self.outcome = outcome or self.outcome
        self.body = body or self.body
        self.start_time = min(self.start_time, now)
        self.derive()
        self.record("completed", now)

    def cancel(self, now: datetime) -> None:
        self._require(PLANNED)
        self.state = CANCELLED
        self.derive()
        self.record("cancelled", now)

    def respond(self, user_id: uuid.UUID | None, response: str, now: datetime) -> None:
        self._require(PLANNED)
        changed = participants.answered(self.participants, user_id, response)
        if changed != self.participants:
            self.participants = changed
            self.derive()
            self.record("responded", now)

    @property
    def series(self) -> Series:
        return Series.of(self.start_time, self.repeats)

    def change_occurrence(self, change: Change, now: datetime) -> None:
        self._require(PLANNED)
        self._follow(self.series.changed(change))
        self.record("updated", now)

    def end_with(self, series: Series, now: datetime) -> None:
        """What is left of the series; another one goes on."""
        self._require(PLANNED)
        self._follow(series)
        self.record("split", now)

    def remind(self, now: datetime) -> list[Occurrence]:
        """Tell the owner of what is near, once per occurrence."""
        if self.lead is None or self.state != PLANNED:
            return []
        due = self.series.reminders(self.lead, self.reminded_through or self.create_time, now)
        told = self.series.told(self.lead, now)
        self.reminded_through = now
        self._follow(told)
        for occurrence in due:
            self.record("reminded", now, occurrence=occurrence)
        return due

    def _follow(self, series: Series) -> None:
        self.repeats = series.stored() if self.repeats is not None else None
        self.derive()

    def leave_comment(self, comment: str, user_id: uuid.UUID | None, now: datetime) -> None:
        self.require_alive()
        self.comment, self.comment_user_id = comment, user_id
        self.derive()
        self.record("commented", now)

    def derive(self) -> None:
        """The open words, and behind their mark all of them: a search by who may not read notes knows the first."""
        opened = (self.display_name, self.outcome, self.place)
        self.search_tokens = [*text_words(*opened), *note_keys(*opened, self.body, self.comment)]
        taking_part = self.participants or []
        self.participant_user_ids = participants.user_ids(taking_part)
        self.participant_ids = [*self.participant_user_ids, *participants.contact_ids(taking_part)]
        self._derive_times()

    def _derive_times(self) -> None:
        series, waits = self.series, self.lead is not None and self.state == PLANNED
        end = series.last if self.repeats is not None else None
        self.series_end_time = end and end + (self.time_spent or timedelta())
        through = self.reminded_through or self.create_time
        self.next_reminder_time = (
            series.next_reminder(self.lead, through) if waits and self.lead is not None else None
        )

    def _require(self, state: str) -> None:
        self.require_alive()
        if self.state != state:
            raise WrongState("the activity", self.state, [state])


scope_table(Activity, "activities.read", members="participant_user_ids")
