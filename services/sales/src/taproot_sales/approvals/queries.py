"""Reads of approvals and policies: SQL straight to rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import selectinload

from taproot.sales.v1 import approval_pb2 as pb
from taproot_base.context import current_call
from taproot_base.errors import NotFound
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.references import reference_field
from taproot_sales.approvals.handlers import held_permissions, seat_in_reach, seats_for
from taproot_sales.approvals.model import Approval, ApprovalPolicy, ApprovalSeat
from taproot_sales.approvals.rules import ApprovalState
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

PENDING_PAGE = 200
_SEAT = "a seat lets its holder in"
_c = Approval.__table__.c
_s = ApprovalSeat.__table__.c
_p = ApprovalPolicy.__table__.c

_ID = ("id", "subject_id", "policy_id", "owner_id", "branch_id", "team_id")
_TEXT = ("display_name", "subject_type", "requester_id", "currency_code")
RESOURCE = Resource(
    "approval",
    [
        reference_field(_c.customer_id),
        *(Field(name, _c[name], FieldType.ID, sortable=False) for name in _ID),
        *(Field(name, _c[name], FieldType.TEXT) for name in _TEXT),
        *(
            Field(name, _c[name], FieldType.INSTANT)
            for name in ("create_time", "update_time", "close_time", "deadline_time")
        ),
        Field("amount", _c.amount, FieldType.NUMBER),
        Field("current_step", _c.current_step, FieldType.INTEGER),
        Field("state", _c.state, FieldType.ENUM, enum=pb.ApprovalState),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="create_time desc",
    id_column=_c.id,
)
POLICIES = Resource(
    "approval_policy",
    [
        Field("id", _p.id, FieldType.ID, sortable=False),
        Field("branch_id", _p.branch_id, FieldType.ID, sortable=False),
        *(Field(name, _p[name], FieldType.TEXT) for name in ("display_name", "subject_type")),
        *(Field(name, _p[name], FieldType.NUMBER) for name in ("max_discount_share", "max_total")),
        Field("priority", _p.priority, FieldType.INTEGER),
        Field("disabled", _p.disabled, FieldType.BOOLEAN),
        *(Field(name, _p[name], FieldType.INSTANT) for name in ("create_time", "update_time")),
    ],
    default_order="create_time desc",
    id_column=_p.id,
)

_get = Statement(
    lambda: select(Approval.__table__).where(_c.id == bindparam("approval_id"), visible(Approval))
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
_get_policy = Statement(lambda: select(ApprovalPolicy.__table__).where(_p.id == bindparam("policy_id")))


def listed() -> Select[Any]:
    return select(Approval.__table__)


def listed_policies() -> Select[Any]:
    return select(ApprovalPolicy.__table__)


async def find_approval(reader: Reader, approval_id: uuid.UUID) -> Any:
    """A row, when the caller's scope covers it; None otherwise."""
    return await reader.fetch_row(_get, approval_id=approval_id)


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


async def get_policy(reader: Reader, policy_id: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get_policy, policy_id=policy_id)
    if row is None:
        raise NotFound("approval policy", policy_id)
    return row
