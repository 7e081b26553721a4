"""Reads of calls, and who is calling: one statement over customers, tickets, entitlements and calls."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Text, bindparam, case, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from taproot.servicedesk.v1 import call_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.calls.model import Call
from taproot_servicedesk.customer_refs.model import CustomerRef
from taproot_servicedesk.entitlements.model import ACTIVE, Entitlement
from taproot_servicedesk.sla.model import SlaClock
from taproot_servicedesk.tickets.model import WORKING, Ticket
from taproot_storage.database import Reader
from taproot_storage.redirects import keys_of, root_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

MOST_TICKETS, MOST_ENTITLEMENTS, MOST_CALLS = 10, 20, 5
EXPIRING_DAYS = 30
RESOURCE = resource_of(
    "call",
    Call,
    pb.Call,
    "id phone direction state external_id customer_id contact_id queue_id ticket_id start_time answer_time end_time "
    "wait_seconds talk_seconds outcome owner_id branch_id team_id create_time update_time custom",
    "start_time desc",
    references=("customer_id",),
)
SHELF = Shelf(RESOURCE, Call, pb.Call)

_r = CustomerRef.__table__.c
_t, _e, _k, _s = Ticket.__table__.c, Entitlement.__table__.c, Call.__table__.c, SlaClock.__table__.c
_known = aliased(CustomerRef.__table__, name="known")


def _json_of(rows: Any, name: str) -> Any:
    """Rows of a correlated subquery as one JSON array under that name; empty when there are none."""
    found = rows.subquery(f"{name}_rows")
    whole = func.jsonb_agg(func.to_jsonb(literal_column(f"{name}_rows")))
    every = func.coalesce(whole, literal_column("'[]'::jsonb"))
    return select(every).select_from(found).scalar_subquery().label(name)


def _is_theirs(column: Any) -> Any:
    """Of the customer read or of those merged into it."""
    return column == func.any(keys_of(_r.id))


def _tickets() -> Any:
    due = (
        select(func.min(_s.due_time))
        .where(_s.ticket_id == _t.id, unscoped(SlaClock, "clocks of tickets the caller sees"))
        .correlate(Ticket.__table__)
        .scalar_subquery()
    )
    names = ("id", "number", "display_name", "kind", "state", "priority", "owner_id")
    return (
        select(*(_t[name] for name in names), due.label("due_time"))
        .where(_is_theirs(_t.customer_id), _t.state.in_(WORKING), _t.delete_time.is_(None), visible(Ticket))
        .order_by(_t.create_time.desc(), _t.id.desc())
        .limit(MOST_TICKETS)
        .correlate(CustomerRef.__table__)
    )


def _entitlements() -> Any:
    names = ("id", "kind", "display_name", "product_code", "end_date")
    today = bindparam("today", type_=_e.start_date.type)
    return (
        select(*(_e[name] for name in names), cast(_e.quantity, Text).label("quantity"))
        .where(
            _is_theirs(_e.customer_id),
            _e.state == ACTIVE,
            _e.start_date <= today,
            func.coalesce(_e.end_date, today) >= today,
            visible(Entitlement),
        )
        .order_by(_e.end_date.asc().nulls_last(), _e.id)
        .limit(MOST_ENTITLEMENTS)
        .correlate(CustomerRef.__table__)
    )


def _calls() -> Any:
    names = ("id", "direction", "start_time", "owner_id", "outcome", "ticket_id")
    return (
        select(*(_k[name] for name in names))
        .where(_is_theirs(_k.customer_id), visible(Call))
        .order_by(_k.start_time.desc(), _k.id.desc())
        .limit(MOST_CALLS)
        .correlate(CustomerRef.__table__)
    )


def _identify_query() -> Any:
    names = (
        "id", "display_name", "status", "value_class", "key_account", "language_code", "region", "owner_id", "branch_id",
    )  # fmt: skip
    wanted = bindparam("phones", type_=ARRAY(Text))
    # An array, not IN: the planner cannot guess how few customers share a number and would read them all.
    roots = (
        select(root_of(_known.c.id))
        .where(_known.c.phones.contains(wanted), unscoped(CustomerRef, "members answer with their survivor"))
        .scalar_subquery()
    )
    return (
        select(
            *(_r[name] for name in names),
            _json_of(_tickets(), "open_tickets"),
            _json_of(_entitlements(), "entitlements"),
            _json_of(_calls(), "last_calls"),
        )
        .where(_r.id == func.any(func.array(roots)), _r.deleted.is_(False), visible(CustomerRef))
        .order_by(_r.key_account.desc(), case((_r.value_class == "", "Z"), else_=_r.value_class), _r.id)
        .limit(bindparam("most", type_=Integer))
    )


_identify = Statement(_identify_query)
_taken = Statement(
    lambda: select(_k.id).where(_k.external_id == bindparam("external_id"), unscoped(Call, "keys are unique"))
)


async def is_taken(reader: Reader, external_id: str) -> bool:
    return await reader.fetch_value(_taken, external_id=external_id) is not None


async def identify(reader: Reader, phone: str, today: date, most: int) -> list[Any]:
    """Candidates the caller may see, best first, with JSON arrays `open_tickets`, `entitlements`, `last_calls`."""
    return await reader.fetch(_identify, phones=[phone], today=today, most=most)


def is_expiring(end_date: str | None, today: date) -> bool:
    return bool(end_date) and date.fromisoformat(str(end_date)) <= today + timedelta(days=EXPIRING_DAYS)


def instant_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
