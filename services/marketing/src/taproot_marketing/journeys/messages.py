"""Journeys and runs between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.marketing.events.v1.journey_event_pb2 import JourneyEvent, JourneyTask
from taproot.marketing.events.v1.journey_run_event_pb2 import JourneyRunEvent
from taproot.marketing.v1 import journey_pb2 as pb
from taproot_base import wire
from taproot_marketing.journeys.model import Journey, JourneyRun
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def to_message(journey: Journey) -> pb.Journey:
    message = message_of(pb.Journey, row_of(journey))
    message.version = journey.journey_version
    return message


def fill_version(message: pb.Journey, row: Any) -> None:
    """`version` of the contract counts definitions, the column of that name counts changes."""
    message.version = row["journey_version"]


def to_event(journey: Journey, _recorded: Recorded) -> JourneyEvent:
    return JourneyEvent(journey=to_message(journey))


def run_message(run: JourneyRun) -> pb.JourneyRun:
    return message_of(pb.JourneyRun, row_of(run))


def to_run_event(run: JourneyRun, _recorded: Recorded) -> JourneyRunEvent:
    return JourneyRunEvent(journey_run=run_message(run))


def started(row: dict[str, Any]) -> JourneyRunEvent:
    return JourneyRunEvent(journey_run=message_of(pb.JourneyRun, row))


def task_requested(run: JourneyRun, step: str, task: Any, title: str, note: str, due: Any) -> JourneyEvent:
    return JourneyEvent(
        run=run_message(run),
        task=JourneyTask(
            business_key=f"{run.id}:{step}",
            customer_id=str(run.customer_id),
            title=title,
            note=note,
            due_time=wire.to_timestamp(due),
            assignee_id=wire.text_of(task.assignee_id),
        ),
    )


def step_message(row: Any) -> pb.JourneyRunStep:
    return message_of(pb.JourneyRunStep, row)
