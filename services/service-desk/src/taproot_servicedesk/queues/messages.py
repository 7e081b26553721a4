"""Queues between protobuf and columns."""

from __future__ import annotations

from taproot.servicedesk.events.v1.queue_event_pb2 import QueueEvent
from taproot_records.mapping import row_of
from taproot_servicedesk.queues.model import Queue
from taproot_servicedesk.queues.queries import SHELF
from taproot_storage.eventlog import Recorded


def to_event(queue: Queue, _recorded: Recorded) -> QueueEvent:
    return QueueEvent(queue=SHELF.message(row_of(queue)))
