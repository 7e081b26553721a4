"""Forms and submissions between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.marketing.v1 import form_pb2 as pb
from taproot.marketing.v1 import form_service_pb2 as rpc
from taproot_marketing.forms.model import Form, FormSubmission
from taproot_records.mapping import message_of, row_of, values_of
from taproot_storage.eventlog import Recorded

FILLED_IN = (
    "name", "company", "phone", "email", "region", "product_interest", "message", "utm", "referral_code",
    "language_code", "answers", "consent", "page_url",
)  # fmt: skip


def to_message(form: Form) -> pb.Form:
    return message_of(pb.Form, row_of(form))


def to_event(form: Form, _recorded: Recorded) -> FormEvent:
    return FormEvent(form=to_message(form))


def submission_message(submission: FormSubmission) -> pb.FormSubmission:
    return message_of(pb.FormSubmission, row_of(submission))


def to_submission_event(submission: FormSubmission, _recorded: Recorded) -> FormEvent:
    return FormEvent(submission=submission_message(submission))


def filled_in(message: pb.FormSubmission) -> dict[str, Any]:
    """What the visitor filled in, without blanks around it."""
    values = values_of(message, FILLED_IN, FormSubmission)
    return {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}


def public_form(row: Any, token: str) -> rpc.PublicForm:
    form = message_of(pb.Form, row)
    return rpc.PublicForm(
        form_id=form.id,
        fields=form.fields,
        required_fields=form.required_fields,
        title=form.title,
        thank_you=form.thank_you,
        consent_text=form.consent_text,
        form_token=token,
        min_seconds=form.min_seconds,
    )
