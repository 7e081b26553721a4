"""Reads of leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, any_, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import lead_pb2 as pb
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument
from taproot_base.text import query_tokens
from taproot_listing.errors import FieldRefused
from taproot_listing.fields import Field, FieldType
from taproot_listing.filter_sql import filter_sql
from taproot_records.reading import Shelf, resource_of
from taproot_records.writing import load_any
from taproot_sales.leads.clock import REMIND_BEFORE
from taproot_sales.leads.model import Lead
from taproot_storage.database import Database, Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import filter_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

T = Lead.__table__.c
LIVE = T.delete_time.is_(None)
OPEN = T.state.not_in(("converted", "disqualified"))
RESOURCE = resource_of(
    "lead",
    Lead,
    pb.Lead,
    "id display_name name company phone email search state urgency verification feedback loss_reason region "
    "product_interest product_id source referral_code language_code external_id campaign_id form_submission_id "
    "score behaviour_points verification_attempts recall_count estimated_amount next_contact_date customer_id "
    "opportunity_id loss_competitor_id owner_id branch_id team_id verify_time assign_time accept_time "
    "feedback_due_time feedback_time close_time create_time update_time custom",
    references=("customer_id",),
).with_fields(
    Field("search", T.search, FieldType.TEXT, repeated=True, sensitive_class="contact", terms=query_tokens),
    Field("estimated_amount.currency_code", T.currency_code, FieldType.TEXT),
)
SHELF = Shelf(RESOURCE, Lead, pb.Lead, live=LIVE)
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


async def load_for_job(work: UnitOfWork, lead_id: UUID) -> Lead:
    return await load_any(work, Lead, lead_id, "the feedback clock runs for every lead")


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


_awaited = Statement(
    lambda: select(func.count(), func.count().filter(T.feedback_due_time < bindparam("now"))).where(
        T.feedback_due_time.is_not(None), T.feedback_time.is_(None), OPEN, LIVE, _JOB
    )
)


async def awaited(reader: Reader, now: datetime) -> tuple[int, int]:
    """Leads whose feedback is awaited, and those of them where it is late."""
    row = await reader.fetch_row(_awaited, now=now)
    return row[0], row[1]
