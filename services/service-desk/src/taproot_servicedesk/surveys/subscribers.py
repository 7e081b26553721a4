"""Reactions to this service's own tickets."""

from __future__ import annotations

from taproot_chassis.events import Event
from taproot_servicedesk.surveys.handlers import survey_ticket
from taproot_storage.database import UnitOfWork

TRIGGERS = {"resolved": "ticket_resolved", "closed": "ticket_closed"}


async def react(event: Event, work: UnitOfWork) -> None:
    """Handler of the subscription `surveys`."""
    await survey_ticket(event.aggregate_id, TRIGGERS[event.name], work)
