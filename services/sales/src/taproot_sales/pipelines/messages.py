"""Pipelines as messages."""

from __future__ import annotations

from taproot.sales.events.v1.pipeline_event_pb2 import PipelineEvent
from taproot.sales.v1 import pipeline_pb2 as pb
from taproot_records.mapping import message_of, row_of
from taproot_sales.pipelines.model import Pipeline
from taproot_storage.eventlog import Recorded


def to_event(pipeline: Pipeline, _recorded: Recorded) -> PipelineEvent:
    return PipelineEvent(pipeline=message_of(pb.Pipeline, row_of(pipeline)))
