"""Reads of tickets."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Table, Uuid, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.servicedesk.v1 import ticket_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.base import Base
from taproot_servicedesk.sla.queries import clock_rows
from taproot_servicedesk.tickets import messages
from taproot_servicedesk.tickets.entries import TicketEntry
from taproot_servicedesk.tickets.model import WORKING, Ticket
from taproot_storage.database import Reader
from taproot_storage.reads import Lists
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_t = Ticket.__table__.c
_e = TicketEntry.__table__.c

RESOURCE = resource_of(
    "ticket",
    Ticket,
    pb.Ticket,
    "id number display_name search external_id kind state priority categories channel customer_id contact_id "
    "product_id product_code device_serial region value_class covered queue_id parent_id merged_into_id "
    "recurrence_of_id root_cause escalation_level reopen_count satisfaction_score low_score open_time "
    "first_response_time resolve_time close_time historic tags owner_id branch_id team_id create_time update_time "
    "custom",
    references=("customer_id",),
)
SHELF = Shelf(RESOURCE, Ticket, pb.Ticket, messages.fill, _t.delete_time.is_(None))

ENTRY_RESOURCE = resource_of(
    "ticket_entry",
    TicketEntry,
    pb.TicketEntry,
    "id ticket_id kind public author_kind author_id body previous_value value channel create_time",
    "create_time",
)

ticket_series = Table("ticket_series", Base.metadata, Column("id", BigInteger, primary_key=True))
"""Only for its sequence: numbers have no collisions and need no lock, but may have gaps."""

_numbers = Statement(
    lambda: select(func.nextval("ticket_series_id_seq")).select_from(
        func.generate_series(1, bindparam("count"))
    )
)
_taken = Statement(
    lambda: select(_t.external_id).where(
        _t.external_id == func.any(bindparam("external_ids", type_=ARRAY(_t.external_id.type))),
        unscoped(Ticket, "external ids are unique in the enterprise"),
    )
)
_merged_here = Statement(
    lambda: select(_t.id).where(
        or_(
            _t.id == bindparam("ticket_id", type_=Uuid()),
            _t.merged_into_id == bindparam("ticket_id", type_=Uuid()),
        ),
        unscoped(Ticket, "what was merged into a ticket shows with it"),
    )
)
_open_parts = Statement(
    lambda: select(
        exists().where(
            _t.parent_id == bindparam("ticket_id"),
            _t.state.in_(WORKING),
            _t.delete_time.is_(None),
            unscoped(Ticket, "a part may belong to another branch"),
        )
    )
)
_recurrence = Statement(
    lambda: (
        select(_t.id)
        .where(
            _t.customer_id == bindparam("customer_id"),
            func.lower(_t.root_cause) == func.lower(bindparam("root_cause")),
            _t.id != bindparam("ticket_id"),
            _t.resolve_time.is_not(None),
            unscoped(Ticket, "a cause recurs whatever the branch"),
        )
        .order_by(_t.resolve_time.desc())
        .limit(1)
    )
)


def _ancestor_query() -> Any:
    scope = unscoped(Ticket, "parts and wholes may belong to different branches")
    line = (
        select(_t.id, _t.parent_id).where(_t.id == bindparam("ticket_id"), scope).cte("line", recursive=True)
    )
    above = select(_t.id, _t.parent_id).join(line, _t.id == line.c.parent_id).where(scope)
    return select(line.union(above).c.id)


_ancestors = Statement(_ancestor_query)


async def next_numbers(reader: Reader, count: int) -> list[str]:
    return [f"T{row[0]:08d}" for row in await reader.fetch(_numbers, count=count)]


async def taken_external_ids(reader: Reader, external_ids: Sequence[str]) -> set[str]:
    rows = await reader.fetch(_taken, external_ids=list(external_ids)) if external_ids else []
    return {row["external_id"] for row in rows}


async def has_open_parts(reader: Reader, ticket_id: uuid.UUID) -> bool:
    return bool(await reader.fetch_value(_open_parts, ticket_id=ticket_id))


async def recurrence_of(reader: Reader, ticket: Ticket) -> uuid.UUID | None:
    """The customer's last ticket resolved with the same root cause."""
    if ticket.customer_id is None or not ticket.root_cause:
        return None
    found: uuid.UUID | None = await reader.fetch_value(
        _recurrence, customer_id=ticket.customer_id, root_cause=ticket.root_cause, ticket_id=ticket.id
    )
    return found


async def line_of(reader: Reader, ticket_id: uuid.UUID) -> set[uuid.UUID]:
    """A ticket and the wholes it is a part of; empty when there is no such ticket."""
    return {row["id"] for row in await reader.fetch(_ancestors, ticket_id=ticket_id)}


async def get_ticket(reader: Reader, key: str) -> pb.Ticket:
    message = await SHELF.get(reader, key)
    return messages.add_clocks(message, await clock_rows(reader, [uuid.UUID(message.id)]))


async def get_tickets(reader: Reader, keys: Sequence[str]) -> list[pb.Ticket]:
    found = [await SHELF.get(reader, key) for key in keys]
    return await _with_clocks(reader, found)


async def list_tickets(reader: Reader, request: Any, lists: Lists) -> tuple[list[pb.Ticket], str]:
    found, token = await SHELF.page(reader, request, lists)
    return await _with_clocks(reader, found), token


async def _with_clocks(reader: Reader, tickets: list[pb.Ticket]) -> list[pb.Ticket]:
    by_ticket: dict[str, list[Any]] = defaultdict(list)
    for row in await clock_rows(reader, [uuid.UUID(ticket.id) for ticket in tickets]):
        by_ticket[str(row["ticket_id"])].append(row)
    return [messages.add_clocks(ticket, by_ticket[ticket.id]) for ticket in tickets]


async def list_entries(
    reader: Reader, request: Any, lists: Lists, *, public_only: bool
) -> tuple[list[pb.TicketEntry], str]:
    """Those of merged tickets included."""
    await SHELF.row(reader, request.ticket_id)
    ids = [row["id"] for row in await reader.fetch(_merged_here, ticket_id=uuid.UUID(request.ticket_id))]
    rows = select(TicketEntry.__table__).where(_e.ticket_id == func.any(bindparam("ids", ids, ARRAY(Uuid()))))
    if public_only:
        rows = rows.where(_e.public)
    of = f"{request.ticket_id}:{public_only}"
    page = await lists.page(reader, ENTRY_RESOURCE, rows, TicketEntry, request, of)
    return [messages.entry_message(row) for row in page.rows], page.next_page_token


def visible_tickets(keys: Sequence[uuid.UUID]) -> Any:
    """Statement of tickets to change, locked in the order of their keys."""
    return (
        select(Ticket)
        .where(Ticket.id.in_(keys), visible(Ticket))
        .order_by(Ticket.id)
        .with_for_update(of=Ticket.__table__)
    )
