"""Opportunities as messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.opportunity_event_pb2 import OpportunityEvent
from taproot.sales.v1 import opportunity_pb2 as pb
from taproot_base.wire import enum_number, from_money, text_of, to_date, to_money, to_timestamp
from taproot_sales import fields
from taproot_sales.opportunities.model import line_amount
from taproot_storage.eventlog import Recorded

BY_VERB = {
    "stage": "MoveOpportunityStage",
    "open_time": "CreateOpportunity",
    "close_time": "CreateOpportunity",
    "owner_id": "AssignOpportunity",
    "branch_id": "AssignOpportunity",
}


def _lines(message: pb.Opportunity, name: str) -> dict[str, Any]:
    return {name: [_line(line) for line in message.lines]}


def _line(line: pb.OpportunityLine) -> dict[str, str]:
    price, currency = from_money(line.unit_price) if line.HasField("unit_price") else (Decimal(0), "")
    return {
        "product_id": line.product_id,
        "description": line.description,
        "quantity": line.quantity or "1",
        "unit_price": str(price),
        "currency_code": currency,
    }


def _competitors(message: pb.Opportunity, name: str) -> dict[str, Any]:
    return {name: [{"competitor_id": c.competitor_id, "note": c.note} for c in message.competitors]}


def _probability(message: pb.Opportunity, name: str) -> dict[str, Any]:
    return {name: message.probability if message.HasField("probability") else None}


SPECIAL: Mapping[str, fields.Convert] = {
    "customer_id": fields.key,
    "contact_id": fields.key,
    "pipeline_id": fields.key,
    "campaign_id": fields.key,
    "team_id": fields.key,
    "member_ids": fields.keys,
    "amount": fields.money("amount", "currency_code"),
    "probability": _probability,
    "forecast_category": fields.choice(pb.ForecastCategory, "FORECAST_CATEGORY_", "pipeline"),
    "expected_close_date": fields.day,
    "next_step_date": fields.day,
    "open_time": fields.instant,
    "close_time": fields.instant,
    "lines": _lines,
    "competitors": _competitors,
    "external_id": fields.absent_when_empty,
    "custom": fields.custom,
}


def to_message(deal: Any, now: datetime) -> pb.Opportunity:
    """A stored deal as it is at `now`: its age and whether it is stalled depend on that."""
    return pb.Opportunity(
        id=str(deal.id),
        pipeline_id=str(deal.pipeline_id),
        state=enum_number(pb.OpportunityState, deal.state, "OPPORTUNITY_STATE_"),
        forecast_category=enum_number(pb.ForecastCategory, deal.forecast_category, "FORECAST_CATEGORY_"),
        loss_reason=enum_number(pb.OpportunityLossReason, deal.loss_reason, "OPPORTUNITY_LOSS_REASON_"),
        probability=deal.probability,
        amount=to_money(deal.amount, deal.currency_code),
        expected_amount=to_money(deal.expected_amount, deal.currency_code),
        external_id=deal.external_id or "",
        lines=[_to_line(line) for line in deal.lines],
        competitors=[pb.OpportunityCompetitor(**seen) for seen in deal.competitors],
        member_ids=map(str, deal.member_ids),
        age_days=max(0, ((deal.close_time or now) - deal.open_time).days),
        stalled=deal.state == "open" and deal.stall_time is not None and deal.stall_time <= now,
        custom=fields.to_struct(deal.custom),
        etag=deal.etag,
        **fields.read(deal, _TEXTS),
        **fields.read(deal, _KEYS, text_of),
        **fields.read(deal, ("expected_close_date", "next_step_date"), to_date),
        **fields.read(deal, _INSTANTS, to_timestamp),
    )


_TEXTS = ("display_name", "stage", "next_step", "source", "region", "close_note")
_KEYS = (
    "customer_id", "contact_id", "lead_id", "campaign_id", "loss_competitor_id", "owner_id", "branch_id", "team_id",
)  # fmt: skip
_INSTANTS = (
    "open_time", "close_time", "stage_enter_time", "stall_time", "create_time", "update_time", "delete_time",
)  # fmt: skip


def _to_line(line: Mapping[str, str]) -> pb.OpportunityLine:
    currency = line["currency_code"]
    return pb.OpportunityLine(
        product_id=line["product_id"],
        description=line["description"],
        quantity=line["quantity"],
        unit_price=to_money(Decimal(line["unit_price"]), currency) if currency else None,
        amount=to_money(line_amount(dict(line)), currency) if currency else None,
    )


def to_event(deal: Any, recorded: Recorded) -> OpportunityEvent:
    detail = recorded.detail
    return OpportunityEvent(
        opportunity=to_message(deal, deal.update_time),
        previous_owner_id=text_of(detail.get("previous_owner_id")),
        previous_branch_id=text_of(detail.get("previous_branch_id")),
        previous_stage=detail.get("previous_stage", ""),
    )


def to_stage_change(row: Any) -> pb.OpportunityStageChange:
    return pb.OpportunityStageChange(
        from_stage=row.from_stage,
        to_stage=row.to_stage,
        change_time=to_timestamp(row.change_time),
        changed_by=row.changed_by,
        days_in_from_stage=row.seconds_in_from_stage // 86_400,
        amount=to_money(row.amount, row.currency_code),
    )
