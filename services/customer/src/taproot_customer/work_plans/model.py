"""A work plan: what somebody is to do in a period, and afterwards the report of it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy import Date, DateTime, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, InvalidArgument, PermissionDenied, WrongState
from taproot_customer.base import Base, Recyclable
from taproot_storage.visibility import scope_table

DRAFT, SUBMITTED, REVIEWED = "draft", "submitted", "reviewed"
DAY, WEEK, MONTH = "day", "week", "month"
MOST_COMMENTS = 200
_ONE_DAY = dt.timedelta(days=1)


class WorkPlanExists(AlreadyExists):
    reason = "WORK_PLAN_EXISTS"

    def __init__(self, key: uuid.UUID) -> None:
        super().__init__("there is a plan of this period", work_plan_id=str(key))


class TooManyComments(WrongState):
    reason = "TOO_MANY_COMMENTS"

    def __init__(self) -> None:
        super().__init__("the work plan", f"commented {MOST_COMMENTS} times", [f"fewer than {MOST_COMMENTS}"])


def span_of(period: str, day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of the period that `day` is in."""
    if period == WEEK:
        first = day - day.weekday() * _ONE_DAY
        return first, first + 6 * _ONE_DAY
    if period == MONTH:
        first = day.replace(day=1)
        return first, (first + 31 * _ONE_DAY).replace(day=1) - _ONE_DAY
    return day, day


class WorkPlan(Recyclable, Base):
    __tablename__ = "work_plans"
    aggregate_type: ClassVar[str] = "work_plan"

    period: Mapped[str] = mapped_column(Text)
    start_date: Mapped[dt.date] = mapped_column(Date)
    end_date: Mapped[dt.date] = mapped_column(Date)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    plan: Mapped[str] = mapped_column(Text, default="")
    report: Mapped[str] = mapped_column(Text, default="")
    figures: Mapped[dict[str, int] | None] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(Text, default=DRAFT)
    comments: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    submit_time: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    review_time: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    reviewer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    owner_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    branch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    __table_args__ = (
        Index("ix_work_plans_owner", "owner_id", "start_date", "id"),
        Index("ix_work_plans_branch", "branch_path", "start_date", "id"),
        Index("ix_work_plans_start", "start_date", "id"),
        Index(
            "uq_work_plans_period",
            "owner_id",
            "period",
            "start_date",
            unique=True,
            postgresql_where=text("delete_time IS NULL"),
        ),
    )

    @property
    def party(self) -> None:
        """It is about the owner's work, not about a customer."""

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: dt.datetime) -> WorkPlan:
        made = cls(id=key, create_time=now, **values)
        made.start_date, made.end_date = span_of(made.period, made.start_date)
        made.record("created", now)
        return made

    def revise(self, user_id: uuid.UUID | None, values: Mapping[str, Any], now: dt.datetime) -> None:
        self._require_owner(user_id)
        self._require(DRAFT)
        self.change(values, now)

    def submit(self, user_id: uuid.UUID | None, figures: Mapping[str, int], now: dt.datetime) -> None:
        self._require_owner(user_id)
        self._require(DRAFT)
        if not self.report.strip():
            raise InvalidArgument([("work_plan.report", "say what came of it before you hand it in")])
        self.state, self.submit_time, self.figures = SUBMITTED, now, dict(figures)
        self.review_time = self.reviewer_id = None
        self.record("submitted", now)

    def review(self, user_id: uuid.UUID | None, comment: str, now: dt.datetime) -> None:
        self._require_other(user_id)
        self._require(SUBMITTED)
        self._say(user_id, comment, now)
        self.state, self.review_time, self.reviewer_id = REVIEWED, now, user_id
        self.record("reviewed", now)

    def give_back(self, user_id: uuid.UUID | None, comment: str, now: dt.datetime) -> None:
        self._require_other(user_id)
        self._require(SUBMITTED, REVIEWED)
        self._say(user_id, comment, now)
        self.state, self.review_time, self.reviewer_id = DRAFT, None, None
        self.record("returned", now)

    def comment(self, user_id: uuid.UUID | None, comment: str, now: dt.datetime) -> None:
        self.require_alive()
        self._say(user_id, comment, now)
        self.record("commented", now)

    def _say(self, user_id: uuid.UUID | None, comment: str, now: dt.datetime) -> None:
        if not comment:
            return
        if len(self.comments) >= MOST_COMMENTS:
            raise TooManyComments
        said = {"author_id": str(user_id or ""), "text": comment, "create_time": now.isoformat()}
        self.comments = [*self.comments, said]

    def _require(self, *states: str) -> None:
        self.require_alive()
        if self.state not in states:
            raise WrongState("the work plan", self.state, states)

    def _require_owner(self, user_id: uuid.UUID | None) -> None:
        if user_id != self.owner_id:
            raise PermissionDenied("a plan is written and handed in by its owner alone")

    def _require_other(self, user_id: uuid.UUID | None) -> None:
        if user_id == self.owner_id:
            raise PermissionDenied("nobody reviews a plan of one's own")


scope_table(WorkPlan, "work_plans.read")
