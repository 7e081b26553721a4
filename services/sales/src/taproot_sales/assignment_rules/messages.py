"""Assignment rules as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taproot.sales.events.v1.assignment_rule_event_pb2 import AssignmentRuleEvent
from taproot.sales.v1 import assignment_rule_pb2 as pb
from taproot_base.wire import text_of, to_timestamp
from taproot_sales import fields
from taproot_storage.eventlog import Recorded

SPECIAL: Mapping[str, fields.Convert] = {
    "regions": fields.texts,
    "product_interests": fields.texts,
    "sources": fields.texts,
    "product_ids": fields.keys,
    "user_ids": fields.keys,
    "branch_id": fields.key,
    "custom": fields.custom,
}
_PLAIN = (
    "display_name", "priority", "regions", "product_interests", "sources", "max_open_leads", "disabled",
)  # fmt: skip


def new_values(message: pb.AssignmentRule) -> dict[str, Any]:
    """Here the branch is a field like any other: it is where the leads go."""
    names = [*fields.present(message), *(["branch_id"] if message.branch_id else [])]
    return fields.without_nulls(fields.values_of(message, names, SPECIAL))


def to_message(rule: Any) -> pb.AssignmentRule:
    return pb.AssignmentRule(
        id=str(rule.id),
        branch_id=text_of(rule.branch_id),
        product_ids=map(str, rule.product_ids),
        user_ids=map(str, rule.user_ids),
        custom=fields.to_struct(rule.custom),
        create_time=to_timestamp(rule.create_time),
        update_time=to_timestamp(rule.update_time),
        delete_time=to_timestamp(rule.delete_time),
        etag=rule.etag,
        **fields.read(rule, _PLAIN),
    )


def to_event(rule: Any, _recorded: Recorded) -> AssignmentRuleEvent:
    return AssignmentRuleEvent(assignment_rule=to_message(rule))
