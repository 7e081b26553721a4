"""Care dates between protobuf and columns."""

from __future__ import annotations

from taproot.customer.events.v1.care_date_event_pb2 import CareDateEvent
from taproot.customer.v1 import care_date_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.care_dates.model import CareDate
from taproot_customer.care_dates.queries import SHELF
from taproot_records.mapping import Values, row_of
from taproot_storage.eventlog import Recorded

REQUIRED = {
    "customer_id": "say whose day it is",
    "kind": "say what happens",
    "display_name": "say what it is about",
}


def to_event(found: CareDate, recorded: Recorded) -> CareDateEvent:
    event = CareDateEvent(
        care_date=SHELF.message(row_of(found)),
        previous_owner_id=wire.text_of(recorded.detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(recorded.detail.get("previous_branch_id")),
    )
    notice = recorded.detail.get("notice")
    if notice is not None:
        event.due.CopyFrom(
            pb.CareDateNotice(
                occurrence_date=wire.to_date(notice.occurrence),
                days_before=notice.days_before,
                days_left=recorded.detail["days_left"],
                years=recorded.detail["years"],
                time_zone=recorded.detail["time_zone"],
            )
        )
    return event


def check_new(message: pb.CareDate) -> None:
    violations = [
        Violation(f"care_date.{name}", text) for name, text in REQUIRED.items() if not getattr(message, name)
    ]
    if not message.HasField("date"):
        violations.append(Violation("care_date.date", "say which day"))
    if violations:
        raise InvalidArgument(violations)


def check_changes(values: Values) -> None:
    """What was required stays."""
    taken = [name for name in ("display_name", "date") if name in values and not values[name]]
    if taken:
        raise InvalidArgument([Violation(f"care_date.{name}", "cannot be taken away") for name in taken])
