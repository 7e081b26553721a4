"""Relationships between protobuf and columns."""

from __future__ import annotations

from taproot.customer.events.v1.relationship_event_pb2 import RelationshipEvent
from taproot.customer.v1 import relationship_pb2 as pb
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.relationships.model import Relationship
from taproot_customer.relationships.queries import SHELF
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def to_event(relationship: Relationship, _recorded: Recorded) -> RelationshipEvent:
    return RelationshipEvent(relationship=SHELF.message(row_of(relationship)))


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
