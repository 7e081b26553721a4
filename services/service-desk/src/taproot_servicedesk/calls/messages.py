"""Calls between protobuf and columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from taproot.servicedesk.events.v1.call_event_pb2 import CallEvent
from taproot.servicedesk.v1 import call_pb2 as pb
from taproot_records.mapping import message_of, row_of
from taproot_servicedesk.calls.model import Call
from taproot_servicedesk.calls.queries import SHELF, instant_of, is_expiring
from taproot_storage.eventlog import Recorded


def to_event(call: Call, _recorded: Recorded) -> CallEvent:
    return CallEvent(call=SHELF.message(row_of(call)))


def to_candidate(row: Any, today: date) -> pb.CallerCandidate:
    """From a row of `queries.identify`."""
    found = dict(row.items())
    tickets, rights, calls = (found.pop(name) for name in ("open_tickets", "entitlements", "last_calls"))
    candidate = message_of(pb.CallerCandidate, found | {"customer_id": found["id"]})
    candidate.open_tickets.extend(
        message_of(pb.CallerTicket, _with_instant(ticket, "due_time")) for ticket in tickets
    )
    for right in rights:
        expiring = is_expiring(right["end_date"], today)
        candidate.entitlements.append(message_of(pb.CallerEntitlement, right | {"expiring": expiring}))
    candidate.last_calls.extend(
        message_of(pb.CallerCall, _with_instant(call, "start_time")) for call in calls
    )
    return candidate


def _with_instant(stored: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(stored) | {name: instant_of(stored[name])}
