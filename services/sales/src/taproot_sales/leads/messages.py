"""Leads as messages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot.sales.v1 import lead_pb2 as pb
from taproot.sales.v1 import lead_service_pb2 as rpc
from taproot_base.wire import optional_uuid, text_of
from taproot_records.mapping import message_of, row_of
from taproot_sales.leads.model import Lead
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values, merge_patch

BY_VERB = {"owner_id": "AssignLead", "branch_id": "AssignLead"}
_UTM = ("source", "medium", "campaign", "term", "content")


def to_message(lead: Lead) -> pb.Lead:
    return message_of(pb.Lead, row_of(lead))


def to_event(lead: Lead, recorded: Recorded) -> LeadEvent:
    detail = recorded.detail
    return LeadEvent(
        lead=to_message(lead),
        previous_owner_id=text_of(detail.get("previous_owner_id")),
        previous_branch_id=text_of(detail.get("previous_branch_id")),
    )


def from_submission(event: FormEvent) -> tuple[UUID, UUID | None, dict[str, Any]]:
    """Of a submitted form: its key, the branch of the form, and the columns of the lead it becomes."""
    submission = event.submission
    names = ("name", "company", "phone", "email", "region", "product_interest", "message", "referral_code")
    values: dict[str, Any] = {name: getattr(submission, name) for name in names}
    values |= {
        "source": "web_form",
        "language_code": submission.language_code or "zh-CN",
        "campaign_id": optional_uuid(submission.campaign_id),
        "utm": {part: value for part in _UTM if (value := getattr(submission.utm, part))},
        "form_submission_id": UUID(submission.id),
        "custom": merge_patch({}, custom_values(submission.answers)),
    }
    if not (submission.name or submission.company):
        values["name"] = submission.email or submission.phone
    return UUID(submission.id), optional_uuid(submission.branch_id), values


def to_rates(row: Any) -> rpc.LeadRates:
    names = ("leads", "assigned", "with_feedback", "feedback_in_time", "converted", "disqualified")
    return rpc.LeadRates(
        key=text_of(row["key"]),
        feedback_rate=_rate(row["with_feedback"], row["assigned"]),
        feedback_in_time_rate=_rate(row["feedback_in_time"], row["assigned"]),
        conversion_rate=_rate(row["converted"], row["leads"]),
        **{name: row[name] for name in names},
    )


def _rate(part: int, whole: int) -> str:
    return f"{Decimal(part) / whole:.4f}" if whole else ""
