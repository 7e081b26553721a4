"""Work plans between protobuf and columns."""

from __future__ import annotations

from taproot.customer.events.v1.work_plan_event_pb2 import WorkPlanEvent
from taproot.customer.v1 import work_plan_pb2 as pb
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.work_plans.model import WorkPlan
from taproot_customer.work_plans.queries import SHELF
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def to_event(found: WorkPlan, _recorded: Recorded) -> WorkPlanEvent:
    return WorkPlanEvent(work_plan=SHELF.message(row_of(found)))


def check_new(message: pb.WorkPlan) -> None:
    violations = []
    if not message.period:
        violations.append(Violation("work_plan.period", "say whether it is for a day, a week or a month"))
    if not message.HasField("start_date"):
        violations.append(Violation("work_plan.start_date", "say which"))
    if violations:
        raise InvalidArgument(violations)
