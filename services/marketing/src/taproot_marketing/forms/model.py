"""Forms and what visitors send with them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, InvalidArgument, ResourceExhausted
from taproot_marketing.base import Base
from taproot_marketing.forms.rules import definition_faults
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, Owned
from taproot_storage.visibility import scope_table

DEFAULT_HOURLY_LIMIT = 20


class FormInUse(AppError):
    reason = "FORM_IN_USE"

    def __init__(self) -> None:
        super().__init__("the form has submissions; close it instead")


class FormTooFast(AppError):
    reason = "FORM_TOO_FAST"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} seconds after the form was shown, then send it again")


class FormRateLimited(ResourceExhausted):
    reason = "FORM_RATE_LIMITED"

    def __init__(self) -> None:
        super().__init__("too many submissions from this network address", retry_after=3600)


class SubmissionNotSpam(AppError):
    reason = "SUBMISSION_NOT_SPAM"

    def __init__(self) -> None:
        super().__init__("the submission is not held back as spam")


class Form(Aggregate, Owned, Customizable, Base):
    __tablename__ = "forms"
    __table_args__ = (
        Index("ix_forms_create_time", "create_time", "id"),
        Index("ix_forms_branch_path", "branch_path", "create_time", "id"),
        Index("ix_forms_owner_id", "owner_id", "create_time", "id"),
    )
    aggregate_type = "form"

    display_name: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    required_fields: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    title: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    thank_you: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    consent_text: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    region: Mapped[str] = mapped_column(default="")
    product_interest: Mapped[str] = mapped_column(default="")
    campaign_id: Mapped[uuid.UUID | None]
    double_opt_in: Mapped[bool] = mapped_column(default=False)
    min_seconds: Mapped[int] = mapped_column(default=0)
    hourly_limit: Mapped[int] = mapped_column(default=DEFAULT_HOURLY_LIMIT)

    @classmethod
    def create(cls, form_id: uuid.UUID, values: dict[str, Any], now: datetime) -> Form:
        form = cls(id=form_id, state="draft", create_time=now)
        form._set(values)
        form.record("created", now)
        return form

    def change(self, values: dict[str, Any], now: datetime) -> None:
        self._set(values)
        self.record("updated", now)

    def _set(self, values: dict[str, Any]) -> None:
        self.set_all(values)
        self.hourly_limit = self.hourly_limit or DEFAULT_HOURLY_LIMIT
        found = definition_faults(self.fields)
        if not self.display_name:
            raise InvalidArgument([("form.display_name", "must be given"), *found])
        if found:
            raise InvalidArgument(found)

    def open(self, now: datetime) -> None:
        self._enter("open", now)

    def close(self, now: datetime) -> None:
        self._enter("closed", now)

    def _enter(self, state: str, now: datetime) -> None:
        if self.state != state:
            self.state = state
            self.record("updated", now)

    def remove(self, now: datetime) -> None:
        self.record("deleted", now)


class FormSubmission(Aggregate, Owned, Base):
    """What a visitor sent. Its one event, `form.submitted`, is of the aggregate `form` under its own id."""

    __tablename__ = "form_submissions"
    __table_args__ = (
        Index(
            "uq_form_submissions_request_id",
            "form_id",
            "request_id",
            unique=True,
            postgresql_where=text("request_id <> ''"),
        ),
        Index("ix_form_submissions_create_time", "create_time", "id"),
        Index("ix_form_submissions_branch_path", "branch_path", "create_time", "id"),
        Index("ix_form_submissions_owner_id", "owner_id", "create_time", "id"),
        Index("ix_form_submissions_form_id", "form_id", "create_time"),
        Index("ix_form_submissions_campaign_id", "campaign_id"),
    )
    aggregate_type = "form"

    form_id: Mapped[uuid.UUID]
    request_id: Mapped[str]
    display_name: Mapped[str]
    state: Mapped[str]
    name: Mapped[str]
    company: Mapped[str]
    phone: Mapped[str]
    email: Mapped[str]
    region: Mapped[str]
    product_interest: Mapped[str]
    message: Mapped[str]
    utm: Mapped[dict[str, Any]] = mapped_column(JSONB)
    referral_code: Mapped[str]
    language_code: Mapped[str]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    consent: Mapped[bool]
    consent_proof: Mapped[str]
    consent_time: Mapped[datetime | None]
    campaign_id: Mapped[uuid.UUID | None]
    page_url: Mapped[str]

    @classmethod
    def create(
        cls, submission_id: uuid.UUID, form: Form, values: dict[str, Any], now: datetime
    ) -> FormSubmission:
        made = cls(id=submission_id, form_id=form.id, create_time=now, update_time=now, version=0)
        made.set_all(values)
        made.display_name = made.name or made.company or made.phone or made.email
        made.region = made.region or form.region
        made.product_interest = made.product_interest or form.product_interest
        made.language_code = made.language_code or "zh-CN"
        made.campaign_id = form.campaign_id
        made.owner_id, made.branch_id, made.branch_path = form.owner_id, form.branch_id, form.branch_path
        made.consent_time = now if made.consent else None
        made.consent_proof = _proof(form, made, now) if made.consent else ""
        return made

    def accept(self, now: datetime) -> None:
        """Raise `form.submitted`."""
        self.state = "accepted"
        self.record("submitted", now)

    def confirm(self, now: datetime) -> None:
        """The reader opened the confirmation link; a second time changes nothing."""
        if self.state == "pending_confirmation":
            self.consent_time = now if self.consent else None
            self.accept(now)

    def release(self, now: datetime) -> None:
        if self.state != "spam":
            raise SubmissionNotSpam
        self.accept(now)


def _proof(form: Form, submission: FormSubmission, now: datetime) -> str:
    language = submission.language_code.partition("-")[0]
    shown = (
        form.consent_text.get(language) or form.consent_text.get("zh") or form.consent_text.get("en") or ""
    )
    return f'{now.isoformat()} form {form.id} "{form.display_name}" {submission.page_url}: {shown}'.strip()


class FormRate(Base):
    """Submissions of one network address in one hour; the address itself is not kept."""

    __tablename__ = "form_rates"

    form_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    address_hash: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


scope_table(Form, "forms.read")
scope_table(FormSubmission, "forms.read")
