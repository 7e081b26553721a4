"""Assignment rules as messages."""

from __future__ import annotations

from taproot.sales.events.v1.assignment_rule_event_pb2 import AssignmentRuleEvent
from taproot.sales.v1 import assignment_rule_pb2 as pb
from taproot_records.mapping import message_of, row_of
from taproot_sales.assignment_rules.model import AssignmentRule
from taproot_storage.eventlog import Recorded


def to_event(rule: AssignmentRule, _recorded: Recorded) -> AssignmentRuleEvent:
    return AssignmentRuleEvent(assignment_rule=message_of(pb.AssignmentRule, row_of(rule)))
