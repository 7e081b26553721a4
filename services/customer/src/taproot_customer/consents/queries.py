"""Reads of consents and of what holds now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, DateTime, Text, Uuid, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from taproot.customer.v1 import consent_pb2 as pb
from taproot_customer.consents.model import GRANTED, Consent, consent_states, form_consents
from taproot_customer.customers.model import Customer
from taproot_customer.reading import column_names
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c = Consent.__table__.c
_s = consent_states.c
_f = form_consents.c

RESOURCE = resource_of(
    "consent",
    Consent,
    pb.Consent,
    "id customer_id purpose channel decision source effective_time expire_time recorded_by_id branch_id create_time",
    "create_time desc",
    ("customer_id",),
)
SHELF = Shelf(RESOURCE, Consent, pb.Consent)


def _put_state() -> Any:
    """The later decision holds; of two at one instant the refusal."""
    statement = insert(consent_states).values(
        {name: bindparam(name) for name in column_names(consent_states)}
    )
    new = statement.excluded
    later = or_(
        _s.effective_time < new.effective_time,
        and_(_s.effective_time == new.effective_time, new.decision != GRANTED),
    )
    changes = {
        name: new[name]
        for name in column_names(consent_states)
        if name not in ("customer_id", "purpose", "channel")
    }
    return statement.on_conflict_do_update(constraint=consent_states.primary_key, set_=changes, where=later)


_put = Statement(_put_state)
# Members of a merge decide together: what was said last, under whichever record, holds.
_states = Statement(
    lambda: (
        select(consent_states)
        .where(_s.customer_id == func.any(bindparam("members", type_=ARRAY(Uuid))))
        .ext(distinct_on(_s.purpose, _s.channel))
        .order_by(_s.purpose, _s.channel, _s.effective_time.desc(), _s.decision.desc())
    )
)


def _allowed_statement() -> Any:
    asked = (
        func.unnest(bindparam("asked", type_=ARRAY(Uuid))).table_valued("id", name="asked").render_derived()
    )
    mine = redirects.alias("mine")
    root = func.coalesce(mine.c.root_id, asked.c.id)
    customer = Customer.__table__.c
    roots = (
        select(asked.c.id.label("asked_id"), customer.id.label("root_id"))
        .select_from(
            asked.outerjoin(mine, mine.c.member_id == asked.c.id).join(
                Customer.__table__, customer.id == root
            )
        )
        .where(customer.delete_time.is_(None), visible(Customer))
        .cte("roots")
    )
    members = (
        select(roots.c.asked_id, roots.c.root_id.label("member_id"))
        .union_all(
            select(roots.c.asked_id, redirects.c.member_id).join(
                redirects, redirects.c.root_id == roots.c.root_id
            )
        )
        .cte("members")
    )
    last = (
        select(members.c.asked_id, _s.decision, _s.expire_time)
        .join(consent_states, _s.customer_id == members.c.member_id)
        .where(
            _s.purpose == bindparam("purpose", type_=Text()), _s.channel == bindparam("channel", type_=Text())
        )
        .ext(distinct_on(members.c.asked_id))
        .order_by(members.c.asked_id, _s.effective_time.desc(), _s.decision.desc())
        .subquery("last")
    )
    now = bindparam("now", type_=DateTime(timezone=True))
    holds = or_(last.c.expire_time.is_(None), last.c.expire_time > now)
    return select(last.c.asked_id).where(last.c.decision == GRANTED, holds)


_allowed = Statement(_allowed_statement)


async def put_state(work: UnitOfWork, consent: Consent) -> None:
    values = {name: getattr(consent, name) for name in column_names(consent_states) if name != "consent_id"}
    await work.execute(_put, **values, consent_id=consent.id)


async def read_states(reader: Reader, members: Sequence[uuid.UUID]) -> list[Any]:
    return await reader.fetch(_states, members=list(members))


async def read_allowed(
    reader: Reader, customer_ids: Sequence[uuid.UUID], purpose: str, channel: str, now: datetime
) -> list[uuid.UUID]:
    """Those who may be reached, among living customers the caller sees."""
    rows = await reader.fetch(_allowed, asked=list(customer_ids), purpose=purpose, channel=channel, now=now)
    return [row["asked_id"] for row in rows]


def by_business_key(key: str) -> Any:
    reason = "a decision told twice is recorded once"
    return select(_c.id).where(_c.business_key == key, unscoped(Consent, reason))


def _keep(*names: str) -> Statement:
    def build() -> Any:
        statement = insert(form_consents).values(
            {name: bindparam(name) for name in ("submission_id", *names)}
        )
        changes = {name: statement.excluded[name] for name in names}
        return statement.on_conflict_do_update(index_elements=["submission_id"], set_=changes).returning(
            form_consents
        )

    return Statement(build)


_keep_proof = _keep("proof", "consent_time")
_keep_customer = _keep("customer_id")


async def keep_form_consent(work: UnitOfWork, submission_id: uuid.UUID, proof: str, at: datetime) -> Any:
    return await work.fetch_row(_keep_proof, submission_id=submission_id, proof=proof, consent_time=at)


async def keep_form_customer(work: UnitOfWork, submission_id: uuid.UUID, customer_id: uuid.UUID) -> Any:
    return await work.fetch_row(_keep_customer, submission_id=submission_id, customer_id=customer_id)
