"""Surveys, and what was sent and answered."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, InvalidArgument
from taproot_records.keeping import Kept
from taproot_servicedesk.base import Base
from taproot_servicedesk.surveys.scoring import RANGES, has_score, in_range, is_low
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, TeamOwned
from taproot_storage.visibility import scope_table

VALID_DAYS = 30
SENT, ANSWERED = "sent", "answered"


class SurveyInUse(AppError):
    reason = "SURVEY_IN_USE"

    def __init__(self) -> None:
        super().__init__("the survey was sent; set `active` to false instead")


class SurveyInactive(AppError):
    reason = "SURVEY_INACTIVE"

    def __init__(self) -> None:
        super().__init__("the survey is not active")


class SurveyAnswered(AppError):
    reason = "SURVEY_ANSWERED"

    def __init__(self) -> None:
        super().__init__("the survey has been answered")


def new_token() -> str:
    """256 random bits: it cannot be guessed."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Only the hash is stored with the sent survey."""
    return hashlib.sha256(token.encode()).digest()


class Survey(Customizable, Kept, Base):
    """`questions`: {key, text, choices, required}."""

    __tablename__ = "surveys"
    aggregate_type: ClassVar[str] = "survey"

    display_name: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="")
    question: Mapped[str] = mapped_column(default="")
    questions: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    active: Mapped[bool] = mapped_column(default=True)
    trigger: Mapped[str] = mapped_column(default="manual")
    ticket_kinds: Mapped[list[str]] = mapped_column(default=list)
    low_score: Mapped[int | None]
    valid_days: Mapped[int] = mapped_column(default=VALID_DAYS)

    def faults(self) -> list[tuple[str, str]]:
        self.trigger, self.valid_days = self.trigger or "manual", self.valid_days or VALID_DAYS
        found = self.missing("display_name", "kind")
        keys = [question["key"] for question in self.questions]
        if len(set(keys)) < len(keys):
            found.append(("questions", "keys must differ"))
        return found

    def fits(self, ticket_kind: str) -> bool:
        return not self.ticket_kinds or ticket_kind in self.ticket_kinds

    def check_answer(self, score: int | None, answers: Mapping[str, str]) -> None:
        """Raises InvalidArgument with every violation at once."""
        faults = [*self._score_faults(score)]
        known = {question["key"] for question in self.questions}
        faults += [("answers", f"there is no question {key}") for key in answers if key not in known]
        for question in self.questions:
            text = answers.get(question["key"], "")
            if question["required"] and not text:
                faults.append((f"answers.{question['key']}", "is required"))
            elif text and question["choices"] and text not in question["choices"]:
                faults.append((f"answers.{question['key']}", "is not one of the choices"))
        if faults:
            raise InvalidArgument(faults)

    def _score_faults(self, score: int | None) -> list[tuple[str, str]]:
        low, high = RANGES[self.kind]
        if not has_score(self.kind):
            return [] if score is None else [("score", "this survey has no score")]
        if score is None or not in_range(self.kind, score):
            return [("score", f"must be from {low} to {high}")]
        return []


class SurveyResponse(TeamOwned, Aggregate, Base):
    """One survey sent to one customer. Its events are those of its survey: `survey.sent`, `survey.answered`."""

    __tablename__ = "survey_responses"
    __table_args__ = (
        Index("uq_survey_responses_ticket_id", "ticket_id", "survey_id", unique=True),
        Index("uq_survey_responses_token_hash", "token_hash", unique=True),
        Index("ix_survey_responses_survey_id", "survey_id"),
        Index("ix_survey_responses_owner_id", "owner_id", "create_time", "id"),
        Index("ix_survey_responses_branch_path", "branch_path", "create_time", "id"),
        Index("ix_survey_responses_team_id", "team_id", "create_time", "id"),
        Index("ix_survey_responses_customer_id", "customer_id", "create_time", "id"),
        Index("ix_survey_responses_create_time", "create_time", "id"),
    )
    aggregate_type: ClassVar[str] = "survey"

    survey_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default=SENT)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    customer_id: Mapped[uuid.UUID | None]
    ticket_id: Mapped[uuid.UUID | None]
    ticket_number: Mapped[str] = mapped_column(default="")
    station_id: Mapped[uuid.UUID | None]
    agent_id: Mapped[uuid.UUID | None]
    score: Mapped[int | None]
    low: Mapped[bool] = mapped_column(default=False)
    comment: Mapped[str] = mapped_column(default="")
    answers: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    complaint_ticket_id: Mapped[uuid.UUID | None]
    expire_time: Mapped[datetime]
    answer_time: Mapped[datetime | None]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def send(self, survey: Survey, invitation: dict[str, str], now: datetime) -> None:
        self.create_time = now
        self.record("sent", now, survey=survey, invitation=invitation)

    def answer(
        self, survey: Survey, score: int | None, comment: str, answers: Mapping[str, str], now: datetime
    ) -> None:
        """Take the answer, once."""
        if self.state == ANSWERED:
            raise SurveyAnswered
        survey.check_answer(score, answers)
        self.state, self.score, self.comment, self.answer_time = ANSWERED, score, comment, now
        self.low = score is not None and is_low(self.kind, score, survey.low_score)
        self.answers = [{"key": key, "text": text} for key, text in answers.items()]

    def note_answer(self, survey: Survey, complaint_ticket_id: uuid.UUID | None, now: datetime) -> None:
        """Record the event after all that follows from the answer is known."""
        self.complaint_ticket_id = complaint_ticket_id
        self.record("answered", now, survey=survey)


scope_table(SurveyResponse, "survey_responses.read", team="team_id", party="customer_id")
