"""Relationships between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taproot.customer.events.v1.relationship_event_pb2 import RelationshipEvent
from taproot.customer.v1 import relationship_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.relationships.model import Relationship
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

KIND = "RELATIONSHIP_KIND_"
_PLAIN = ("label", "note")


def to_message(row: Any) -> pb.Relationship:
    """From a row of the table or a mapped Relationship."""
    read = row.__getitem__ if not isinstance(row, Relationship) else lambda name: getattr(row, name)
    message = pb.Relationship(
        id=str(read("id")),
        customer_id=str(read("customer_id")),
        related_customer_id=str(read("related_customer_id")),
        related_display_name=read("related_display_name"),
        kind=wire.enum_number(pb.RelationshipKind, read("kind"), KIND),
        label=read("label"),
        note=read("note"),
        start_date=wire.to_date(read("start_date")),
        end_date=wire.to_date(read("end_date")),
        owner_id=wire.text_of(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        etag=str(read("version")),
    )
    if read("custom"):
        message.custom.update(read("custom"))
    return message


def to_event(relationship: Relationship, _recorded: Recorded) -> RelationshipEvent:
    return RelationshipEvent(relationship=to_message(relationship))


def to_values(message: pb.Relationship, names: Iterable[str]) -> dict[str, Any]:
    """Columns for the given fields. Raises InvalidArgument with every violation."""
    values: dict[str, Any] = {}
    for name in names:
        if name in _PLAIN:
            values[name] = getattr(message, name)
        elif name in _SPECIAL:
            values[name] = _SPECIAL[name](message)
    return values


def _date(message: pb.Relationship, field: str) -> Any:
    try:
        return wire.optional_date(message, field)
    except ValueError as error:
        raise InvalidArgument([(f"relationship.{field}", "is not a day of the calendar")]) from error


_SPECIAL: dict[str, Any] = {
    "kind": lambda m: wire.enum_name(pb.RelationshipKind, m.kind, KIND),
    "start_date": lambda m: _date(m, "start_date"),
    "end_date": lambda m: _date(m, "end_date"),
    "custom": lambda m: custom_values(m.custom, "relationship.custom"),
}
FIELDS = (*_PLAIN, *_SPECIAL)


def check_new(message: pb.Relationship) -> None:
    violations = []
    if not message.customer_id:
        violations.append(Violation("relationship.customer_id", "name the first customer"))
    if not message.related_customer_id:
        violations.append(Violation("relationship.related_customer_id", "name the second customer"))
    elif message.related_customer_id == message.customer_id:
        violations.append(Violation("relationship.related_customer_id", "is the same customer"))
    if not message.kind:
        violations.append(Violation("relationship.kind", "say how they relate"))
    if violations:
        raise InvalidArgument(violations)
