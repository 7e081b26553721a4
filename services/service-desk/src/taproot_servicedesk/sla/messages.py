"""Policies and clocks between protobuf and columns."""

from __future__ import annotations

from taproot.servicedesk.events.v1.sla_event_pb2 import SlaEvent
from taproot.servicedesk.events.v1.sla_policy_event_pb2 import SlaPolicyEvent
from taproot_records.mapping import row_of
from taproot_servicedesk.sla.model import SlaClock, SlaPolicy
from taproot_servicedesk.sla.queries import CLOCK_SHELF, SHELF
from taproot_servicedesk.tickets import messages as tickets
from taproot_storage.eventlog import Recorded


def to_event(policy: SlaPolicy, _recorded: Recorded) -> SlaPolicyEvent:
    return SlaPolicyEvent(sla_policy=SHELF.message(row_of(policy)))


def clock_to_event(clock: SlaClock, recorded: Recorded) -> SlaEvent:
    ticket = tickets.to_message(recorded.detail["ticket"])
    return SlaEvent(sla_clock=CLOCK_SHELF.message(row_of(clock)), ticket=ticket)
