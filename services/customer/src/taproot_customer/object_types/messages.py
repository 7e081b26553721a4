"""Object types between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.customer.events.v1.object_type_event_pb2 import ObjectTypeEvent
from taproot.customer.v1 import object_type_pb2 as pb
from taproot_customer.object_types.model import ObjectType
from taproot_records.conversions import Conversion, Conversions
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def _states(message: Any) -> list[dict[str, Any]]:
    return [
        {"key": state.key, "labels": dict(state.labels), "next_states": list(state.next_states)}
        for state in message.states
    ]


def _put_states(message: Any, stored: list[dict[str, Any]]) -> None:
    message.states.extend(pb.ObjectState(**state) for state in stored)


CONVERSIONS = Conversions(
    Conversion("labels", "label_texts", lambda m: dict(m.labels), lambda m, v: m.labels.update(v)),
    Conversion(
        "plural_labels",
        "plural_by_language",
        lambda m: dict(m.plural_labels),
        lambda m, v: m.plural_labels.update(v),
    ),
    Conversion("states", "state_list", _states, _put_states),
)


def to_event(kind: ObjectType, _recorded: Recorded) -> ObjectTypeEvent:
    row = row_of(kind)
    message = message_of(pb.ObjectType, row)
    CONVERSIONS.fill(message, row)
    return ObjectTypeEvent(object_type=message)
