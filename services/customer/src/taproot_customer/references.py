"""References to records of any service, as stored."""

from __future__ import annotations

from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_records.conversions import Conversion


def reference(resource: str) -> Conversion:
    """The field `record` of a resource: JSON in the column `related`, as `record` is a verb of aggregates."""

    def read(message: Any) -> dict[str, Any] | None:
        if not message.HasField("record"):
            return None
        found = message.record
        if not (found.resource and found.id):
            raise InvalidArgument([(f"{resource}.record", "needs resource and id")])
        return {"resource": found.resource, "id": found.id, "display_name": found.display_name}

    return Conversion("record", "related", read, _write)


def _write(message: Any, stored: dict[str, Any]) -> None:
    for name, value in stored.items():
        setattr(message.record, name, value)
