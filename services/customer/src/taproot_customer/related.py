"""References to records of any service, as stored."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1.activity_pb2 import RecordReference
from taproot_base.errors import InvalidArgument


def to_reference(stored: dict[str, Any] | None) -> RecordReference | None:
    return RecordReference(**stored) if stored else None


def from_reference(message: Any, field: str) -> dict[str, Any] | None:
    """The reference in `message.record`; None when absent. Raises InvalidArgument when it names nothing."""
    if not message.HasField("record"):
        return None
    reference = message.record
    if not (reference.resource and reference.id):
        raise InvalidArgument([(field, "needs resource and id")])
    return {"resource": reference.resource, "id": reference.id, "display_name": reference.display_name}
