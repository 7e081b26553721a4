"""Tickets between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEscalation, TicketEvent
from taproot.servicedesk.v1 import ticket_pb2 as pb
from taproot_base import wire
from taproot_records.mapping import message_of, row_of
from taproot_servicedesk.tickets.entries import TicketEntry
from taproot_servicedesk.tickets.model import Ticket
from taproot_storage.eventlog import Recorded

STATE = "TICKET_STATE_"
STAFF_ONLY = ("root_cause", "escalation_level", "clocks", "tags", "custom", "owner_id", "team_id", "queue_id")


def fill(message: pb.Ticket, row: Any) -> None:
    """What is not a column of the same name."""
    if row["coverage_reason"]:
        message.coverage.covered = row["covered"]
        message.coverage.reason = row["coverage_reason"]
        message.coverage.entitlement_id = wire.text_of(row["coverage_entitlement_id"])


def add_clocks(message: pb.Ticket, clocks: Any) -> pb.Ticket:
    """`clocks`: rows of `sla.queries.clock_rows`."""
    message.clocks.extend(message_of(pb.TicketClock, dict(clock.items())) for clock in clocks)
    return message


def to_message(ticket: Ticket) -> pb.Ticket:
    row = row_of(ticket)
    message = message_of(pb.Ticket, row)
    fill(message, row)
    return add_clocks(message, [row_of(clock) for clock in ticket.clocks])


def entry_message(row: Any) -> pb.TicketEntry:
    return message_of(pb.TicketEntry, row)


def for_customer(message: pb.Ticket) -> pb.Ticket:
    """What a customer sees of an own ticket."""
    for name in STAFF_ONLY:
        message.ClearField(name)  # type: ignore[arg-type]  # names of fields, as literals to mypy
    return message


def to_event(ticket: Ticket, recorded: Recorded) -> TicketEvent:
    detail = recorded.detail
    event = TicketEvent(
        ticket=to_message(ticket),
        previous_owner_id=wire.text_of(detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(detail.get("previous_branch_id")),
        previous_state=wire.enum_number(pb.TicketState, detail.get("previous_state", ""), STATE),
    )
    entry: TicketEntry | None = detail.get("entry")
    if entry is not None:
        event.entry.CopyFrom(entry_message(row_of(entry)))
    if "escalation" in detail:
        event.escalation.CopyFrom(TicketEscalation(**detail["escalation"]))
    return event
