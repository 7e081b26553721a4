"""Pipelines as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taproot.sales.events.v1.pipeline_event_pb2 import PipelineEvent
from taproot.sales.v1 import pipeline_pb2 as pb
from taproot_base.wire import enum_name, enum_number, to_timestamp
from taproot_sales import fields
from taproot_sales.pipelines.model import stored
from taproot_sales.pipelines.rules import CERTAIN, LOST, WON, Stage
from taproot_storage.eventlog import Recorded

KIND = "STAGE_KIND_"


def _stages(message: pb.Pipeline, name: str) -> dict[str, Any]:
    return {name: stored([_stage(stage) for stage in message.stages])}


def _stage(stage: pb.PipelineStage) -> Stage:
    kind = enum_name(pb.StageKind, stage.kind, KIND)
    certain = {WON: CERTAIN, LOST: 0}
    probability = certain.get(kind, stage.probability) if stage.probability == 0 else stage.probability
    return Stage(stage.key, stage.display_name, kind, probability, stage.stall_days)


SPECIAL: Mapping[str, fields.Convert] = {"stages": _stages, "custom": fields.custom}


def to_message(pipeline: Any) -> pb.Pipeline:
    return pb.Pipeline(
        id=str(pipeline.id),
        display_name=pipeline.display_name,
        stages=[_to_stage(stage) for stage in pipeline.stages],
        default_pipeline=pipeline.default_pipeline,
        custom=fields.to_struct(pipeline.custom),
        create_time=to_timestamp(pipeline.create_time),
        update_time=to_timestamp(pipeline.update_time),
        delete_time=to_timestamp(pipeline.delete_time),
        etag=pipeline.etag,
    )


def _to_stage(stage: dict[str, Any]) -> pb.PipelineStage:
    return pb.PipelineStage(
        key=stage["key"],
        display_name=stage["display_name"],
        kind=enum_number(pb.StageKind, stage["kind"], KIND),
        probability=stage["probability"],
        stall_days=stage["stall_days"],
    )


def to_event(pipeline: Any, _recorded: Recorded) -> PipelineEvent:
    return PipelineEvent(pipeline=to_message(pipeline))
