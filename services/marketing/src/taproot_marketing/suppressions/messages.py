"""Suppressions between protobuf and columns."""

from __future__ import annotations

from taproot.marketing.events.v1.suppression_event_pb2 import SuppressionEvent
from taproot.marketing.v1 import suppression_pb2 as pb
from taproot_marketing.suppressions.model import Suppression
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def to_message(suppression: Suppression) -> pb.Suppression:
    return message_of(pb.Suppression, row_of(suppression))


def to_event(suppression: Suppression, recorded: Recorded) -> SuppressionEvent:
    proof = str(recorded.detail.get("proof", ""))
    return SuppressionEvent(suppression=to_message(suppression), consent_proof=proof)
