"""Opportunities as messages."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from taproot.sales.events.v1.opportunity_event_pb2 import OpportunityEvent
from taproot.sales.v1 import opportunity_pb2 as pb
from taproot_base.wire import text_of, to_money
from taproot_records.mapping import Values, message_of, row_of
from taproot_records.writing import changes, given
from taproot_sales.opportunities.model import Opportunity, line_amount
from taproot_storage.eventlog import Recorded

BY_VERB = {
    "stage": "MoveOpportunityStage",
    "open_time": "CreateOpportunity",
    "close_time": "CreateOpportunity",
    "owner_id": "AssignOpportunity",
    "branch_id": "AssignOpportunity",
}


def given_deal(message: pb.Opportunity) -> Values:
    return _normal(given(message, Opportunity))


def changes_of(message: pb.Opportunity, mask: FieldMask) -> Values:
    values = _normal(changes(message, mask, Opportunity, BY_VERB))
    if "probability" in values and not message.HasField("probability"):
        values["probability"] = None  # the stage's
    return values


def _normal(values: Values) -> Values:
    """Of each line just what is asked; its amount is computed."""
    if "lines" in values:
        values["lines"] = [_line(line) for line in values["lines"]]
    return values


def _line(line: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in line.items() if name != "amount"}
    return kept | {"quantity": line["quantity"] or "1"}


def fill_lines(message: pb.Opportunity, row: Any) -> None:
    for line, stored in zip(message.lines, row["lines"], strict=True):
        if line.HasField("unit_price"):
            price = to_money(Decimal(line.unit_price.amount), line.unit_price.currency_code)
            amount = to_money(line_amount(stored), line.unit_price.currency_code)
            assert price is not None
            assert amount is not None
            line.unit_price.CopyFrom(price)
            line.amount.CopyFrom(amount)


def at_moment(message: pb.Opportunity, row: Any, now: datetime) -> pb.Opportunity:
    """Its age and whether it is stalled depend on `now`."""
    message.age_days = max(0, ((row["close_time"] or now) - row["open_time"]).days)
    stalls = row["stall_time"]
    message.stalled = row["state"] == "open" and stalls is not None and stalls <= now
    return message


def to_message(deal: Opportunity, now: datetime) -> pb.Opportunity:
    row = row_of(deal)
    message = message_of(pb.Opportunity, row)
    fill_lines(message, row)
    return at_moment(message, row, now)


def to_event(deal: Opportunity, recorded: Recorded) -> OpportunityEvent:
    detail = recorded.detail
    return OpportunityEvent(
        opportunity=to_message(deal, deal.update_time),
        previous_owner_id=text_of(detail.get("previous_owner_id")),
        previous_branch_id=text_of(detail.get("previous_branch_id")),
        previous_stage=detail.get("previous_stage", ""),
    )


def to_stage_change(row: Any) -> pb.OpportunityStageChange:
    message = message_of(pb.OpportunityStageChange, row)
    message.days_in_from_stage = row["seconds_in_from_stage"] // 86_400
    return message
