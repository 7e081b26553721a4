"""Leads as messages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot.sales.v1 import lead_pb2 as pb
from taproot.sales.v1 import lead_service_pb2 as rpc
from taproot_base.wire import enum_number, optional_uuid, text_of, to_date, to_money, to_timestamp
from taproot_sales import fields
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

BY_VERB = {"owner_id": "AssignLead", "branch_id": "AssignLead"}
_UTM = ("source", "medium", "campaign", "term", "content")
_ENUMS = {
    "state": (pb.LeadState, "LEAD_STATE_"),
    "urgency": (pb.LeadUrgency, "LEAD_URGENCY_"),
    "verification": (pb.LeadVerification, "LEAD_VERIFICATION_"),
    "feedback": (pb.LeadFeedback, "LEAD_FEEDBACK_"),
    "loss_reason": (pb.LeadLossReason, "LEAD_LOSS_REASON_"),
}
_PLAIN = (
    "display_name", "name", "company", "phone", "email", "region", "product_interest", "source", "referral_code",
    "message", "language_code", "behaviour_points", "score", "verification_attempts", "feedback_note",
    "recall_count", "loss_note",
)  # fmt: skip
_KEYS = (
    "product_id", "campaign_id", "form_submission_id", "loss_competitor_id", "customer_id", "opportunity_id",
    "owner_id", "branch_id", "team_id", "external_id",
)  # fmt: skip
_INSTANTS = (
    "verify_time", "assign_time", "accept_time", "feedback_due_time", "feedback_time", "close_time",
    "create_time", "update_time", "delete_time",
)  # fmt: skip


def _utm(message: pb.Lead, name: str) -> dict[str, Any]:
    return {name: {part: value for part in _UTM if (value := getattr(message.utm, part))}}


def _source(message: pb.Lead, name: str) -> dict[str, Any]:
    return {name: message.source or "manual"}


SPECIAL: Mapping[str, fields.Convert] = {
    "product_id": fields.key,
    "campaign_id": fields.key,
    "team_id": fields.key,
    "source": _source,
    "utm": _utm,
    "urgency": fields.choice(pb.LeadUrgency, "LEAD_URGENCY_", "normal"),
    "estimated_amount": fields.money("estimated_amount", "estimated_currency"),
    "next_contact_date": fields.day,
    "external_id": fields.absent_when_empty,
    "custom": fields.custom,
}


def to_message(lead: Any) -> pb.Lead:
    return pb.Lead(
        id=str(lead.id),
        utm=pb.LeadUtm(**lead.utm) if lead.utm else None,
        estimated_amount=to_money(lead.estimated_amount, lead.estimated_currency),
        next_contact_date=to_date(lead.next_contact_date),
        score_reasons=[
            pb.LeadScoreReason(rule=rule, points=points, detail=detail)
            for rule, points, detail in lead.score_reasons
        ],
        loss_survey=fields.to_struct(lead.loss_survey) if lead.loss_survey else None,
        custom=fields.to_struct(lead.custom),
        etag=lead.etag,
        **_enums(lead),
        **fields.read(lead, _PLAIN),
        **fields.read(lead, _KEYS, text_of),
        **fields.read(lead, _INSTANTS, to_timestamp),
    )


def _enums(lead: Any) -> dict[str, Any]:
    return {name: enum_number(enum, getattr(lead, name), prefix) for name, (enum, prefix) in _ENUMS.items()}


def to_event(lead: Any, recorded: Recorded) -> LeadEvent:
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
        "custom": custom_values(submission.answers),
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
