"""Reads of policies and clocks."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Uuid, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.servicedesk.v1 import sla_clock_pb2, sla_policy_pb2
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.sla.matching import PolicyRule
from taproot_servicedesk.sla.model import SlaClock, SlaPolicy
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

RESOURCE = resource_of(
    "sla_policy",
    SlaPolicy,
    sla_policy_pb2.SlaPolicy,
    "id display_name active rank kinds priorities value_classes categories calendar_id create_time update_time custom",
)
SHELF = Shelf(RESOURCE, SlaPolicy, sla_policy_pb2.SlaPolicy)
CLOCK_RESOURCE = resource_of(
    "sla_clock",
    SlaClock,
    sla_clock_pb2.SlaClock,
    "id ticket_id sla_policy_id metric state start_time warning_time due_time stop_time target_seconds "
    "elapsed_seconds warned breached ticket_kind ticket_priority queue_id customer_id owner_id branch_id team_id "
    "create_time",
    references=("customer_id",),
)
CLOCK_SHELF = Shelf(CLOCK_RESOURCE, SlaClock, sla_clock_pb2.SlaClock)

_k = SlaClock.__table__.c
_of_tickets = Statement(
    lambda: (
        select(_k.ticket_id, _k.metric, _k.state, _k.due_time, _k.breached)
        .where(
            _k.ticket_id == func.any(bindparam("tickets", type_=ARRAY(Uuid()))),
            unscoped(SlaClock, "clocks of tickets the caller has read"),
        )
        .order_by(_k.create_time, _k.id)
    )
)
_due = Statement(
    lambda: (
        select(_k.ticket_id)
        .where(
            _k.next_time <= bindparam("now"), unscoped(SlaClock, "promises fall due whoever sees the ticket")
        )
        .order_by(_k.next_time)
        .limit(100)
    )
)


async def active_rules(reader: Reader) -> list[PolicyRule]:
    found: list[SlaPolicy] = await reader.scalars(select(SlaPolicy).where(SlaPolicy.active))
    return [policy.rule for policy in found]


async def clock_rows(reader: Reader, tickets: Sequence[uuid.UUID]) -> list[Any]:
    """ticket_id, metric, state, due_time, breached; oldest first."""
    return await reader.fetch(_of_tickets, tickets=list(tickets)) if tickets else []


async def clocks_of(reader: Reader, tickets: Sequence[uuid.UUID]) -> list[SlaClock]:
    scope = unscoped(SlaClock, "clocks of a ticket the caller may change")
    statement = select(SlaClock).where(SlaClock.ticket_id.in_(tickets), scope)
    return list(await reader.scalars(statement.order_by(SlaClock.create_time, SlaClock.id)))


async def running_by(reader: Reader, calendar_id: uuid.UUID) -> list[SlaClock]:
    scope = unscoped(SlaClock, "a calendar concerns tickets of every branch")
    statement = select(SlaClock).where(
        SlaClock.calendar_id == calendar_id, SlaClock.state == "running", scope
    )
    return list(await reader.scalars(statement.with_for_update(of=SlaClock.__table__)))


async def due_tickets(reader: Reader, now: datetime) -> list[uuid.UUID]:
    """Tickets on which something has come due, longest overdue first; at most 100."""
    return list(dict.fromkeys(row["ticket_id"] for row in await reader.fetch(_due, now=now)))


_standing = Statement(
    lambda: select(
        func.count(), func.count().filter(_k.warned & ~_k.breached), func.count().filter(_k.breached)
    ).where(
        _k.state == literal_column("'running'"),  # as the index of those that run has it
        unscoped(SlaClock, "counted over all branches"),
    )
)


async def standing(reader: Reader) -> tuple[int, int, int]:
    """Running clocks: all, those at risk, those breached."""
    row = await reader.fetch_row(_standing)
    return row[0], row[1], row[2]
