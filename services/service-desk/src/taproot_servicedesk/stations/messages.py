"""Stations between protobuf and columns."""

from __future__ import annotations

from taproot.servicedesk.events.v1.station_event_pb2 import StationEvent
from taproot.servicedesk.v1 import station_pb2 as pb
from taproot_records.mapping import row_of
from taproot_servicedesk.stations.model import Station
from taproot_servicedesk.stations.queries import SHELF
from taproot_storage.eventlog import Recorded


def to_message(station: Station) -> pb.Station:
    return SHELF.message(row_of(station))


def to_event(station: Station, _recorded: Recorded) -> StationEvent:
    return StationEvent(station=to_message(station))
