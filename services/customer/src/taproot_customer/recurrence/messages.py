"""Recurrences between protobuf and columns."""

from __future__ import annotations

import datetime as dt
from typing import Any

from taproot.customer.v1 import recurrence_pb2 as pb
from taproot_base import wire
from taproot_customer.recurrence.series import Occurrence
from taproot_records.conversions import Conversion


def _read(message: Any) -> dict[str, Any] | None:
    found = message.recurrence
    return {"rule": found.rule, "time_zone": found.time_zone, "changes": []} if found.rule else None


def _write(message: Any, stored: dict[str, Any]) -> None:
    message.recurrence.rule, message.recurrence.time_zone = stored["rule"], stored["time_zone"]
    for change in stored["changes"]:
        start = change["start_time"]
        message.recurrence.changes.add(
            occurrence_time=_stamp(change["occurrence_time"]),
            start_time=_stamp(start) if start else None,
            cancelled=not start and not change["activity_id"],
            activity_id=change["activity_id"],
        )


def _stamp(text: str) -> Any:
    return wire.to_timestamp(dt.datetime.fromisoformat(text))


def occurrence_message(found: Occurrence) -> pb.Occurrence:
    return pb.Occurrence(
        occurrence_time=wire.to_timestamp(found.slot), start_time=wire.to_timestamp(found.start)
    )


RECURRENCE = Conversion("recurrence", "repeats", _read, _write)
