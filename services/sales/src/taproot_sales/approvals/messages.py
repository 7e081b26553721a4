"""Approvals and policies between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.approval_event_pb2 import ApprovalEvent
from taproot.sales.events.v1.approval_policy_event_pb2 import ApprovalPolicyEvent
from taproot.sales.v1 import approval_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_sales.approvals.handlers import CreateApproval
from taproot_sales.approvals.model import Approval, ApprovalPolicy
from taproot_sales.approvals.policies import CreateApprovalPolicy, step_violations
from taproot_sales.sales_lines.messages import as_stored, instants, keys, money, plain, reader_of, wire_struct
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

STATE, MODE, DECISION, DEADLINE = "APPROVAL_STATE_", "APPROVAL_MODE_", "DECISION_", "DEADLINE_ACTION_"
POLICY_FIELDS = frozenset(
    {"display_name", "max_discount_share", "max_total", "priority", "branch_id", "steps", "disabled"}
)


def to_message(row: Any, seats: Sequence[Any]) -> pb.Approval:
    """From a mapped Approval or a row of `queries.columns`, with its seats in order."""
    read = reader_of(row)
    current, deadline = read("current_step"), read("deadline_time")
    steps = [
        _step(
            stored,
            [seat for seat in seats if reader_of(seat)("step") == number],
            deadline if number == current else None,
        )
        for number, stored in enumerate(read("steps"), 1)
    ]
    return pb.Approval(
        state=wire.enum_number(pb.ApprovalState, read("state"), STATE),
        amount=money(read("amount"), read("currency_code") or ""),
        steps=steps,
        etag=str(read("version")),
        custom=wire_struct(read("custom")),
        **as_stored(read, "display_name", "subject_type", "current_step", "comment"),
        **keys(
            read,
            "id",
            "subject_id",
            "customer_id",
            "policy_id",
            "requester_id",
            "owner_id",
            "branch_id",
            "team_id",
        ),
        **instants(read, "create_time", "update_time", "close_time", "deadline_time"),
    )


def _step(stored: dict[str, Any], seats: Sequence[Any], deadline: datetime | None) -> pb.ApprovalStep:
    step = pb.ApprovalStep(
        display_name=stored["display_name"],
        mode=wire.enum_number(pb.ApprovalMode, stored["mode"], MODE),
        approver_ids=stored["approver_ids"],
        permission=stored["permission"],
        role_id=stored["role_id"],
        deadline_hours=stored["deadline_hours"],
        deadline_action=wire.enum_number(pb.DeadlineAction, stored["deadline_action"], DEADLINE),
        seats=[_seat(seat) for seat in seats],
    )
    if deadline is not None:
        step.deadline_time.FromDatetime(deadline)
    return step


def _seat(row: Any) -> pb.ApprovalSeat:
    read = reader_of(row)
    return pb.ApprovalSeat(
        approver_id=wire.text_of(read("approver_id")),
        delegated_from_id=wire.text_of(read("delegated_from_id")),
        decision=wire.enum_number(pb.Decision, read("decision") or "", DECISION),
        decided_by_id=wire.text_of(read("decided_by_id")),
        comment=read("comment"),
        decide_time=wire.to_timestamp(read("decide_time")),
    )


def to_event(approval: Approval, _recorded: Recorded) -> ApprovalEvent:
    return ApprovalEvent(
        approval=to_message(approval, approval.seats),
        waiting_for_ids=[str(user) for user in approval.waiting_for],
    )


def steps_of(steps: Iterable[pb.ApprovalStep]) -> list[dict[str, Any]]:
    """Steps as stored; modes and actions not given get their defaults."""
    return [
        {
            "display_name": step.display_name or f"Step {number}",
            "mode": wire.enum_name(pb.ApprovalMode, step.mode, MODE) or "any_of",
            "approver_ids": list(step.approver_ids),
            "permission": step.permission,
            "role_id": step.role_id,
            "deadline_hours": step.deadline_hours,
            "deadline_action": wire.enum_name(pb.DeadlineAction, step.deadline_action, DEADLINE) or "remind",
        }
        for number, step in enumerate(steps, 1)
    ]


def parse_new(message: pb.Approval) -> CreateApproval:
    steps = steps_of(message.steps)
    violations = step_violations(steps, "approval.steps")
    violations += [
        Violation(f"approval.{name}", "is required")
        for name in ("subject_type", "subject_id")
        if not getattr(message, name)
    ]
    if violations:
        raise InvalidArgument(violations)
    amount = message.HasField("amount")
    return CreateApproval(
        id=wire.optional_uuid(message.id),
        subject_type=message.subject_type,
        subject_id=uuid.UUID(message.subject_id),
        display_name=message.display_name,
        customer_id=wire.optional_uuid(message.customer_id),
        amount=Decimal(message.amount.amount) if amount else None,
        currency_code=message.amount.currency_code if amount else None,
        steps=steps,
        comment=message.comment,
        owner_id=wire.optional_uuid(message.owner_id),
        branch_id=wire.optional_uuid(message.branch_id),
        team_id=wire.optional_uuid(message.team_id),
        custom=custom_values(message.custom, "approval.custom"),
    )


def policy_message(row: Any) -> pb.ApprovalPolicy:
    read = reader_of(row)
    return pb.ApprovalPolicy(
        id=str(read("id")),
        max_discount_share=plain(read("max_discount_share")),
        max_total=money(read("max_total"), read("currency_code") or ""),
        branch_id=wire.text_of(read("branch_id")),
        steps=[_step(stored, [], None) for stored in read("steps")],
        etag=str(read("version")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        **as_stored(read, "display_name", "subject_type", "priority", "disabled"),
    )


def policy_event(policy: ApprovalPolicy, _recorded: Recorded) -> ApprovalPolicyEvent:
    return ApprovalPolicyEvent(approval_policy=policy_message(policy))


def parse_new_policy(message: pb.ApprovalPolicy) -> CreateApprovalPolicy:
    names = [
        field.name for field, _ in message.ListFields() if field.name in POLICY_FIELDS | {"subject_type"}
    ]
    return CreateApprovalPolicy(
        wire.optional_uuid(message.id),
        {"subject_type": "", "display_name": "", "steps": []} | policy_values(message, names),
    )


def policy_values(message: pb.ApprovalPolicy, names: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in names:
        if name == "max_discount_share":
            values[name] = Decimal(message.max_discount_share) if message.max_discount_share else None
        elif name == "max_total":
            given = message.HasField("max_total")
            values["max_total"] = Decimal(message.max_total.amount) if given else None
            values["currency_code"] = message.max_total.currency_code if given else None
        elif name == "branch_id":
            values[name] = wire.optional_uuid(message.branch_id)
        elif name == "steps":
            values[name] = steps_of(message.steps)
        else:
            values[name] = getattr(message, name)
    return values
