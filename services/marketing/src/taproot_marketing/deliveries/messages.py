"""Deliveries between protobuf and columns."""

from __future__ import annotations

from taproot.marketing.events.v1.delivery_event_pb2 import DeliveryEvent
from taproot.marketing.v1 import delivery_pb2 as pb
from taproot_marketing.deliveries.model import Delivery
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def to_message(delivery: Delivery) -> pb.Delivery:
    return message_of(pb.Delivery, row_of(delivery))


def to_event(delivery: Delivery, _recorded: Recorded) -> DeliveryEvent:
    return DeliveryEvent(delivery=to_message(delivery))
