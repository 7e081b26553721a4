"""Reads of approvals and policies: SQL straight to rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import selectinload

from taproot.sales.v1 import approval_pb2 as pb
from taproot_base.context import current_call
from taproot_base.errors import NotFound
from taproot_records.reading import resource_of
from taproot_sales.approvals.handlers import held_permissions, seat_in_reach, seats_for
from taproot_sales.approvals.model import Approval, ApprovalPolicy, ApprovalSeat
from taproot_sales.approvals.rules import ApprovalState
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

PENDING_PAGE = 200
_SEAT = "a seat lets its holder in"
_c = Approval.__table__.c
_s = ApprovalSeat.__table__.c
_p = ApprovalPolicy.__table__.c

RESOURCE = resource_of(
    "approval",
    Approval,
    pb.Approval,
    "id display_name state subject_type subject_id policy_id requester_id amount currency_code current_step customer_id "
    "owner_id branch_id team_id create_time update_time close_time deadline_time custom",
    references=("customer_id",),
)
POLICIES = resource_of(
    "approval_policy",
    ApprovalPolicy,
    pb.ApprovalPolicy,
    "id display_name subject_type branch_id max_discount_share max_total priority disabled create_time update_time",
)
_seats = Statement(
    lambda: (
        select(ApprovalSeat.__table__)
        .where(_s.approval_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
        .order_by(_s.approval_id, _s.step, _s.position)
    )
)
_asked_permissions = Statement(
    lambda: (
        select(_s.permission)
        .where(_s.waiting, _s.approver_id.is_(None), _s.permission.is_not(None))
        .distinct()
    )
)


async def held_approval(reader: Reader, approval_id: uuid.UUID) -> Approval:
    """For who may take an open seat of it without having it in scope."""
    statement = select(Approval).where(Approval.id == approval_id, unscoped(Approval, _SEAT))
    approval: Approval | None = await reader.scalar(statement.options(selectinload(Approval.seats)))
    call = current_call()
    if approval is None or not any(
        seat.waiting and seat_in_reach(seat, approval, call) for seat in approval.seats
    ):
        raise NotFound("approval", approval_id)
    return approval


async def seats_of(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Any]]:
    found: dict[uuid.UUID, list[Any]] = {key: [] for key in ids}
    for row in await reader.fetch(_seats, ids=list(ids)):
        found[row["approval_id"]].append(row)
    return found


async def pending_for_caller(reader: Reader, subject_type: str) -> list[Approval]:
    """Approvals with an open seat the caller may take, the nearest deadline first."""
    call = current_call()
    asked = [row["permission"] for row in await reader.fetch(_asked_permissions)]
    mine = select(_s.approval_id).where(_s.waiting, seats_for(call, held_permissions(asked, call)))
    statement = (
        select(Approval)
        .where(_c.id.in_(mine), _c.state == ApprovalState.PENDING, unscoped(Approval, _SEAT))
        .order_by(_c.deadline_time.asc().nulls_last(), _c.create_time, _c.id)
        .options(selectinload(Approval.seats))
        .limit(PENDING_PAGE)
    )
    if subject_type:
        statement = statement.where(_c.subject_type == subject_type)
    found: list[Approval] = await reader.scalars(statement)
    return [a for a in found if any(seat.waiting and seat_in_reach(seat, a, call) for seat in a.seats)]
