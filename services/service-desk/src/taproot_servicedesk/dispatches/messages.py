"""Dispatches between protobuf and columns."""

from __future__ import annotations

from taproot.servicedesk.events.v1.dispatch_event_pb2 import DispatchEvent
from taproot_records.mapping import row_of
from taproot_servicedesk.dispatches.model import Dispatch
from taproot_servicedesk.dispatches.queries import SHELF
from taproot_servicedesk.stations import messages as stations
from taproot_storage.eventlog import Recorded


def to_event(dispatch: Dispatch, recorded: Recorded) -> DispatchEvent:
    station = stations.to_message(recorded.detail["station"])
    return DispatchEvent(dispatch=SHELF.message(row_of(dispatch)), station=station)
