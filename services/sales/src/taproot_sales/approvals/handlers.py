"""Use cases of approvals. What a decision means for its subject is carried out in the same transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import selectinload

from taproot_base.context import Call, current_call
from taproot_base.errors import InvalidArgument, NotFound
from taproot_base.ids import new_id
from taproot_chassis.identities import find_user
from taproot_chassis.placement import Placer, caller_id
from taproot_sales.approvals.model import (
    Approval,
    ApprovalOpen,
    ApprovalPolicy,
    ApprovalSeat,
    approval_access,
)
from taproot_sales.approvals.rules import ApprovalState, first_policy
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.updates import check_etag
from taproot_storage.visibility import unscoped, visible

_let_in = Statement(
    lambda: (
        insert(approval_access)
        .values(approval_id=bindparam("approval_id"), owner_id=bindparam("owner_id"))
        .on_conflict_do_nothing()
    )
)


class Subject(Protocol):
    """How a type of subject takes a decision: APPROVED, REJECTED, RECALLED or EXPIRED."""

    async def decided(self, approval: Approval, work: UnitOfWork) -> None: ...


Subjects = Mapping[str, Subject]


@dataclass(frozen=True, slots=True)
class Ask:
    """What an approval is wanted for."""

    subject_type: str
    subject_id: uuid.UUID
    display_name: str
    customer_id: uuid.UUID | None
    discount_share: Decimal
    total: Decimal
    currency_code: str
    branch_id: uuid.UUID | None
    branch_path: str
    team_id: uuid.UUID | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class CreateApproval:
    id: uuid.UUID | None
    subject_type: str
    subject_id: uuid.UUID
    display_name: str
    customer_id: uuid.UUID | None
    amount: Decimal | None
    currency_code: str | None
    steps: list[dict[str, Any]]
    comment: str
    owner_id: uuid.UUID | None
    branch_id: uuid.UUID | None
    team_id: uuid.UUID | None
    custom: dict[str, Any] = field(default_factory=dict)


async def ask_if_needed(ask: Ask, work: UnitOfWork) -> Approval | None:
    """Start the approval that the first fitting policy demands; None when none does."""
    policy = await fitting_policy(ask, work)
    if policy is None:
        return None
    approval = Approval(
        id=new_id(),
        display_name=ask.display_name,
        subject_type=ask.subject_type,
        subject_id=ask.subject_id,
        customer_id=ask.customer_id,
        amount=ask.total,
        currency_code=ask.currency_code,
        steps=policy.steps,
        policy_id=policy.id,
        comment=ask.comment,
        owner_id=caller_id(),
        branch_id=ask.branch_id,
        branch_path=ask.branch_path,
        team_id=ask.team_id,
    )
    return await _start(approval, work)


async def fitting_policy(ask: Ask, work: UnitOfWork) -> ApprovalPolicy | None:
    statement = (
        select(ApprovalPolicy)
        .where(ApprovalPolicy.subject_type == ask.subject_type, ApprovalPolicy.disabled.is_(False))
        .order_by(ApprovalPolicy.priority, ApprovalPolicy.id)
    )
    policies: list[ApprovalPolicy] = await work.scalars(statement)
    near = [p for p in policies if p.branch_path is None or ask.branch_path.startswith(p.branch_path)]
    return first_policy(near, ask.discount_share, ask.total, ask.currency_code)


async def create_approval(command: CreateApproval, subjects: Subjects, work: UnitOfWork) -> Approval:
    """By hand, for subjects without a verb of their own that asks."""
    if command.subject_type in subjects:
        raise InvalidArgument([("approval.subject_type", "asks for its approval by its own verb")])
    place = await Placer("approvals", work).place(command.owner_id or caller_id(), command.branch_id)
    approval = Approval(
        id=command.id or new_id(),
        display_name=command.display_name or f"{command.subject_type} {command.subject_id}",
        subject_type=command.subject_type,
        subject_id=command.subject_id,
        customer_id=command.customer_id,
        amount=command.amount,
        currency_code=command.currency_code,
        steps=command.steps,
        comment=command.comment,
        owner_id=place.owner_id,
        branch_id=place.branch_id,
        branch_path=place.branch_path,
        team_id=command.team_id,
        custom=command.custom,
    )
    if not approval.steps:
        await _take_policy(approval, command, work)
    return await _start(approval, work)


async def _take_policy(approval: Approval, command: CreateApproval, work: UnitOfWork) -> None:
    ask = Ask(
        subject_type=command.subject_type,
        subject_id=command.subject_id,
        display_name=approval.display_name,
        customer_id=command.customer_id,
        discount_share=Decimal(0),
        total=command.amount or Decimal(0),
        currency_code=command.currency_code or "",
        branch_id=approval.branch_id,
        branch_path=approval.branch_path,
        team_id=approval.team_id,
    )
    policy = await fitting_policy(ask, work)
    if policy is None:
        raise InvalidArgument([("approval.steps", "are required: no policy fits")])
    approval.steps, approval.policy_id = policy.steps, policy.id


async def _start(approval: Approval, work: UnitOfWork) -> Approval:
    await _require_none_open(approval, work)
    approval.requester_id = current_call().principal.subject
    approval.start(work.clock.now())
    (await work.session()).add(approval)
    await work.flush()
    await _let_in_approvers(approval, work)
    return approval


async def _require_none_open(approval: Approval, work: UnitOfWork) -> None:
    statement = select(Approval.id).where(
        Approval.subject_type == approval.subject_type,
        Approval.subject_id == approval.subject_id,
        Approval.state == ApprovalState.PENDING,
        unscoped(Approval, "one open approval per subject, whoever asked"),
    )
    if await work.fetch_value(statement) is not None:
        raise ApprovalOpen("an approval of this subject is open")


async def _let_in_approvers(approval: Approval, work: UnitOfWork) -> None:
    """Whoever has a seat by name sees the approval from now on."""
    for user in {seat.approver_id for seat in approval.seats if seat.approver_id}:
        await work.execute(_let_in, approval_id=approval.id, owner_id=user)


def seat_in_reach(seat: ApprovalSeat, approval: Approval, call: Call) -> bool:
    """Named users decide their own seats. Holders of a permission or role decide within their reach, but
    never on what they asked for themselves.
    """
    if seat.approver_id is not None:
        return str(seat.approver_id) == call.principal.subject
    if approval.requester_id == call.principal.subject or call.principal.kind != "user":
        return False
    if seat.role_id:
        return seat.role_id in {role.id for role in call.principal.roles}
    reach = call.directory.reach(call.principal, seat.permission or "approvals.decide")
    return reach is not None and reach.covers_path(approval.branch_path)


async def load_approval(approval_id: uuid.UUID, work: UnitOfWork, etag: str = "") -> Approval:
    """Locked. Visible to the caller, or with an open seat the caller may take."""
    known = select(Approval.id).where(Approval.id == approval_id, visible(Approval))
    seen = await work.fetch_value(known) is not None
    reason = "a seat lets its holder in" if not seen else "seen by the statement before"
    statement = (
        select(Approval)
        .where(Approval.id == approval_id, unscoped(Approval, reason))
        .options(selectinload(Approval.seats))
        .with_for_update(of=Approval)
    )
    approval: Approval | None = await work.scalar(statement)
    call = current_call()
    if approval is None or not (seen or any(seat_in_reach(s, approval, call) for s in approval.seats)):
        raise NotFound("approval", approval_id)
    check_etag(etag, approval.version)
    return approval


@dataclass(frozen=True, slots=True)
class Decide:
    approval_id: uuid.UUID
    etag: str
    comment: str


async def approve(command: Decide, subjects: Subjects, work: UnitOfWork) -> Approval:
    approval, seat, who = await _seat(command, work)
    approval.approve(seat, who, command.comment, work.clock.now())
    return await carry_out(approval, subjects, work)


async def reject(command: Decide, subjects: Subjects, work: UnitOfWork) -> Approval:
    approval, seat, who = await _seat(command, work)
    approval.reject(seat, who, command.comment, work.clock.now())
    return await carry_out(approval, subjects, work)


async def delegate(command: Decide, to: uuid.UUID, work: UnitOfWork) -> Approval:
    approval, seat, who = await _seat(command, work)
    if await find_user(work, to) is None:
        raise InvalidArgument([("approver_id", "is not an active user")])
    approval.delegate(seat, uuid.UUID(who), to, command.comment, work.clock.now())
    await _let_in_approvers(approval, work)
    return approval


async def recall(command: Decide, subjects: Subjects, work: UnitOfWork) -> Approval:
    approval = await load_approval(command.approval_id, work, command.etag)
    approval.recall(current_call().principal.subject, work.clock.now())
    return await carry_out(approval, subjects, work)


async def _seat(command: Decide, work: UnitOfWork) -> tuple[Approval, ApprovalSeat, str]:
    approval = await load_approval(command.approval_id, work, command.etag)
    call = current_call()
    seat = approval.seat_for(lambda seat: seat_in_reach(seat, approval, call))
    return approval, seat, call.principal.subject


async def carry_out(approval: Approval, subjects: Subjects, work: UnitOfWork) -> Approval:
    subject = subjects.get(approval.subject_type)
    if approval.state != ApprovalState.PENDING and subject is not None:
        await subject.decided(approval, work)
    return approval


async def withdraw(subject_type: str, subject_id: uuid.UUID, work: UnitOfWork) -> None:
    """The subject itself gave up waiting: an open approval of it is recalled without asking back."""
    statement = select(Approval).where(
        Approval.subject_type == subject_type,
        Approval.subject_id == subject_id,
        Approval.state == ApprovalState.PENDING,
        unscoped(Approval, "the approval of a subject in hand"),
    )
    approval: Approval | None = await work.scalar(
        statement.options(selectinload(Approval.seats)).with_for_update(of=Approval)
    )
    if approval is not None:
        approval.withdraw(work.clock.now())


def held_permissions(permissions: Iterable[str], call: Call) -> list[str]:
    """Those of the permissions that the caller's roles grant."""
    return [p for p in permissions if call.directory.reach(call.principal, p) is not None]


def seats_for(call: Call, permissions: list[str]) -> Any:
    """Condition: seats the caller may take, as far as SQL can tell."""
    roles = [role.id for role in call.principal.roles]
    held = ApprovalSeat.permission.in_(permissions) | ApprovalSeat.role_id.in_(roles)
    return or_(ApprovalSeat.approver_id == caller_id(), ApprovalSeat.approver_id.is_(None) & held)
