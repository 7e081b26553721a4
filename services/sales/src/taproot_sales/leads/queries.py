"""Reads of leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, Text, Uuid, any_, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import lead_pb2 as pb
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, NotFound
from taproot_base.text import query_tokens
from taproot_listing.errors import FieldRefused
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.filter_sql import filter_sql
from taproot_records.references import reference_field
from taproot_sales.leads.clock import REMIND_BEFORE
from taproot_sales.leads.model import Lead
from taproot_sales.stored import Stored
from taproot_storage.database import Database, Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import filter_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

T = Lead.__table__.c
LIVE = T.delete_time.is_(None)
ROWS = select(Lead.__table__).where(LIVE)
OPEN = T.state.not_in(("converted", "disqualified"))
_IDS = (
    "id", "product_id", "campaign_id", "form_submission_id", "loss_competitor_id",
    "opportunity_id", "owner_id", "branch_id", "team_id",
)  # fmt: skip
_INSTANTS = (
    "verify_time", "assign_time", "accept_time", "feedback_due_time", "feedback_time", "close_time",
    "create_time", "update_time",
)  # fmt: skip
_ENUMS = {
    "state": pb.LeadState,
    "urgency": pb.LeadUrgency,
    "verification": pb.LeadVerification,
    "feedback": pb.LeadFeedback,
    "loss_reason": pb.LeadLossReason,
}
_PERSONAL = {"name": "personal", "company": "personal", "phone": "contact", "email": "contact"}
RESOURCE = Resource(
    "lead",
    (
        reference_field(T.customer_id),
        *(Field(name, T[name], FieldType.ID) for name in _IDS),
        *(Field(name, T[name], FieldType.INSTANT) for name in _INSTANTS),
        *(Field(name, T[name], FieldType.ENUM, enum=values) for name, values in _ENUMS.items()),
        *(Field(name, T[name], FieldType.TEXT, sensitive_class=kind) for name, kind in _PERSONAL.items()),
        *(
            Field(name, T[name], FieldType.TEXT)
            for name in (
                "region", "product_interest", "source", "referral_code", "external_id", "language_code",
            )
        ),
        *(
            Field(name, T[name], FieldType.INTEGER)
            for name in ("score", "behaviour_points", "verification_attempts", "recall_count")
        ),
        Field("next_contact_date", T.next_contact_date, FieldType.DATE),
        Field("estimated_amount", T.estimated_amount, FieldType.NUMBER),
        Field("estimated_amount.currency_code", T.estimated_currency, FieldType.TEXT),
        Field(
            "display_name", T.display_name, FieldType.TEXT, sensitive_class="personal", sort_column=T.sort_key
        ),
        Field(
            "search", T.search, FieldType.TEXT, repeated=True, sensitive_class="contact", terms=query_tokens
        ),
        Field("custom", T.custom, FieldType.JSON),
    ),
    "create_time desc",
    T.id,
)  # fmt: skip
_one = Statement(lambda: ROWS.where(T.id == bindparam("key"), visible(Lead)))
_any = Statement(lambda: select(Lead.__table__).where(T.id == bindparam("key"), visible(Lead)))
_JOB = unscoped(Lead, "the feedback clock runs for every lead")
_waiting = (T.feedback_due_time.is_not(None), T.feedback_time.is_(None), OPEN, LIVE, _JOB)
_remind = Statement(
    lambda: (
        select(T.id)
        .where(T.feedback_due_time <= bindparam("until"), T.feedback_remind_time.is_(None), *_waiting)
        .order_by(T.feedback_due_time)
        .limit(200)
    )
)
_overdue = Statement(
    lambda: (
        select(T.id)
        .where(T.feedback_due_time <= bindparam("until"), *_waiting)
        .order_by(T.feedback_due_time)
        .limit(200)
    )
)
_users = bindparam("users", type_=ARRAY(Uuid()))
_loads = Statement(
    lambda: (
        select(T.owner_id, func.count().label("leads"))
        .where(T.owner_id == any_(_users), OPEN, LIVE, unscoped(Lead, "load of the candidates of a rule"))
        .group_by(T.owner_id)
    )
)
_lock = Statement(
    lambda: select(
        func.pg_advisory_xact_lock(
            func.unnest(bindparam("locks", type_=ARRAY(BigInteger()))).column_valued("candidate")
        )
    )
)
_by_submission = Statement(
    lambda: select(T.id).where(
        T.form_submission_id == bindparam("submission"), unscoped(Lead, "a submission becomes a lead once")
    )
)


async def get(reader: Reader, lead_id: str | UUID, *, deleted: bool = False) -> Stored:
    """With `deleted` those in the recycle bin too."""
    row = await reader.fetch_row(_any if deleted else _one, key=UUID(str(lead_id)))
    if row is None:
        raise NotFound("lead", lead_id)
    return Stored(row)


async def load(work: UnitOfWork, lead_id: UUID, *, deleted: bool = False) -> Lead:
    """One lead for a verb: locked, so that a parallel verb sees the result of this one."""
    state: Any = T.delete_time.is_not(None) if deleted else LIVE
    return await _found(work, select(Lead).where(T.id == lead_id, state, visible(Lead)), lead_id)


async def load_for_job(work: UnitOfWork, lead_id: UUID) -> Lead:
    return await _found(work, select(Lead).where(T.id == lead_id, _JOB), lead_id)


async def _found(work: UnitOfWork, statement: Select[Any], key: UUID) -> Lead:
    found: Lead | None = await work.scalar(statement.with_for_update(of=Lead.__table__))
    if found is None:
        raise NotFound("lead", key)
    return found


async def has_submission(work: UnitOfWork, submission_id: UUID) -> bool:
    return await work.fetch_value(_by_submission, submission=submission_id) is not None


async def lock_candidates(work: UnitOfWork, users: Sequence[UUID]) -> None:
    """Until the end of the transaction nobody else gives leads to these users by the rules."""
    await work.fetch(_lock, locks=sorted(lock_key("lead candidate", user) for user in users))


async def open_leads(work: UnitOfWork, users: Sequence[UUID]) -> dict[UUID, int]:
    rows = await work.fetch(_loads, users=list(users))
    return {row["owner_id"]: row["leads"] for row in rows}


async def to_remind(database: Database, now: datetime) -> list[UUID]:
    async with database.reading() as reader:
        return [row["id"] for row in await reader.fetch(_remind, until=now + REMIND_BEFORE)]


async def overdue(database: Database, now: datetime) -> list[UUID]:
    async with database.reading() as reader:
        return [row["id"] for row in await reader.fetch(_overdue, until=now)]


def _grouped_by(name: str, masked: frozenset[str]) -> Any:
    try:
        return RESOURCE.find(name, masked).column
    except FieldRefused as refused:
        raise InvalidArgument([("group_by", str(refused))]) from refused


async def rates(reader: Reader, filter_text: str, group_by: str) -> list[Any]:
    """Counts per value of a field; of all leads together when `group_by` is empty."""
    masked = current_call().masked
    checked = filter_of(RESOURCE, filter_text, masked)
    key = _grouped_by(group_by, masked) if group_by else literal("", Text())
    rows = select(key.label("key"), T.state, T.assign_time, T.feedback_time, T.feedback_due_time).where(
        LIVE, visible(Lead), filter_sql(checked, reader.clock.now())
    )
    c = rows.subquery("counted").c
    given, reported = c.assign_time.is_not(None), c.feedback_time.is_not(None)
    statement = (
        select(
            c.key,
            func.count().label("leads"),
            func.count().filter(given).label("assigned"),
            func.count().filter(given, reported).label("with_feedback"),
            func.count().filter(given, c.feedback_time <= c.feedback_due_time).label("feedback_in_time"),
            func.count().filter(c.state == "converted").label("converted"),
            func.count().filter(c.state == "disqualified").label("disqualified"),
        )
        .group_by(c.key)
        .order_by(c.key)
        .limit(10_000)
    )
    return await reader.fetch(statement)
