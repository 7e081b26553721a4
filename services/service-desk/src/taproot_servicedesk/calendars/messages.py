"""Calendars between protobuf and columns."""

from __future__ import annotations

from taproot.servicedesk.events.v1.calendar_event_pb2 import CalendarEvent
from taproot_records.mapping import row_of
from taproot_servicedesk.calendars.model import Calendar
from taproot_servicedesk.calendars.queries import SHELF
from taproot_storage.eventlog import Recorded


def to_event(calendar: Calendar, _recorded: Recorded) -> CalendarEvent:
    return CalendarEvent(calendar=SHELF.message(row_of(calendar)))
