"""What the service desk holds of a person. Nothing of it must be kept."""

from __future__ import annotations

from sqlalchemy import select

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot_records.privacy.holdings import (
    Holding,
    Holdings,
    Person,
    any_of,
    below,
    party,
    reached_by,
    table_of,
    within,
)
from taproot_servicedesk.calls.model import Call
from taproot_servicedesk.customer_refs.model import CustomerRef, customer_access
from taproot_servicedesk.dispatches.model import Dispatch
from taproot_servicedesk.entitlements.model import Entitlement
from taproot_servicedesk.sla.model import SlaClock
from taproot_servicedesk.surveys.model import SurveyResponse
from taproot_servicedesk.tickets.entries import TicketEntry
from taproot_servicedesk.tickets.model import WORKING, Ticket
from taproot_storage.database import Reader

_tickets = party(Ticket)

HELD = (
    Holding(customer_access, party(customer_access)),
    Holding(table_of(CustomerRef), party(CustomerRef, "id")),
    Holding(table_of(TicketEntry), below(TicketEntry, "ticket_id", Ticket, _tickets)),
    Holding(table_of(SlaClock), any_of(party(SlaClock), below(SlaClock, "ticket_id", Ticket, _tickets))),
    Holding(table_of(Dispatch), any_of(party(Dispatch), below(Dispatch, "ticket_id", Ticket, _tickets))),
    Holding(table_of(SurveyResponse), party(SurveyResponse), secret=("token_hash",)),
    Holding(table_of(Entitlement), party(Entitlement)),
    Holding(
        table_of(Call),
        any_of(party(Call), reached_by(Call, phone="phone", orphan="customer_id")),
        subject=True,
    ),
    Holding(table_of(Ticket), _tickets),
)
_CONFIGURATION = "the enterprise's own configuration"
WITHOUT = {
    "calendars": _CONFIGURATION,
    "queues": _CONFIGURATION,
    "sla_policies": _CONFIGURATION,
    "stations": "service stations of the enterprise",
    "surveys": "questions, no answers",
    "ticket_series": "the last number",
}


async def obstacles(reader: Reader, person: Person) -> list[pb.Obstacle]:
    """Complaints nobody has answered yet."""
    ticket = table_of(Ticket)
    wanted = select(ticket.c.id).where(
        ticket.c.kind == "complaint",
        ticket.c.state.in_(WORKING),
        ticket.c.delete_time.is_(None),
        _tickets(person),
        within(ticket),
    )
    rows = await reader.fetch(wanted)
    return [pb.Obstacle(reason="OPEN_COMPLAINT", resource="ticket", id=str(row[0])) for row in rows]


HOLDINGS = Holdings("servicedesk", HELD, WITHOUT, obstacles=obstacles)
