from __future__ import annotations

import uuid
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from taproot.sales.v1 import opportunity_pb2, opportunity_service_pb2, pipeline_pb2, pipeline_service_pb2
from taproot.sales.v1.opportunity_service_pb2_grpc import OpportunitiesServiceStub
from taproot.sales.v1.pipeline_service_pb2_grpc import PipelinesServiceStub
from taproot_base.auth import Principal
from taproot_base.errors import AppError, InvalidArgument, Kind
from taproot_testkit import Caller, Harness

rpc, pb = pipeline_service_pb2, pipeline_pb2


@pytest.fixture
def pipelines(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(PipelinesServiceStub, admin)


def stage(key: str, kind: Any, probability: int = 0, stall_days: int = 0) -> pb.PipelineStage:
    return pb.PipelineStage(
        key=key, display_name=key.title(), kind=kind, probability=probability, stall_days=stall_days
    )


STAGES = [
    stage("demo", pb.STAGE_KIND_OPEN, 30, 5),
    stage("offer", pb.STAGE_KIND_OPEN, 60),
    stage("won", pb.STAGE_KIND_WON),
    stage("lost", pb.STAGE_KIND_LOST),
]


async def make(pipelines: Caller, name: str = "Licences") -> pb.Pipeline:
    asked = rpc.CreatePipelineRequest(pipeline=pb.Pipeline(display_name=name, stages=STAGES))
    made: pb.Pipeline = await pipelines.CreatePipeline(asked)
    return made


async def defaults(pipelines: Caller) -> list[str]:
    page = await pipelines.ListPipelines(rpc.ListPipelinesRequest(filter="default_pipeline = true"))
    return [pipeline.id for pipeline in page.pipelines]


class TestDefaultPipeline:
    async def test_is_there_from_the_start_and_only_once(self, sales: Harness, pipelines: Caller) -> None:
        page = await pipelines.ListPipelines(rpc.ListPipelinesRequest(filter="default_pipeline = true"))
        (default,) = page.pipelines
        assert [s.key for s in default.stages] == [
            "prospecting", "engaging", "proposal", "negotiation", "won", "lost",
        ]  # fmt: skip
        await sales.process.parts.startup[0]()
        assert await defaults(pipelines) == [default.id]

    async def test_can_be_handed_over_but_not_given_up_or_deleted(self, pipelines: Caller) -> None:
        (former,) = await defaults(pipelines)
        heir = await make(pipelines, "Heir")
        change = pb.Pipeline(id=heir.id, default_pipeline=True)
        await pipelines.UpdatePipeline(rpc.UpdatePipelineRequest(pipeline=change))
        assert await defaults(pipelines) == [heir.id]
        with pytest.raises(AppError) as refused:
            await pipelines.DeletePipeline(rpc.DeletePipelineRequest(id=heir.id))
        assert refused.value.reason == "PIPELINE_IS_DEFAULT"
        off = rpc.UpdatePipelineRequest(
            pipeline=pb.Pipeline(id=heir.id), update_mask=FieldMask(paths=["default_pipeline"])
        )
        with pytest.raises(AppError) as refused:
            await pipelines.UpdatePipeline(off)
        assert refused.value.reason == "PIPELINE_IS_DEFAULT"
        back = pb.Pipeline(id=former, default_pipeline=True)
        await pipelines.UpdatePipeline(rpc.UpdatePipelineRequest(pipeline=back))
        assert await defaults(pipelines) == [former]


class TestCreatePipeline:
    async def test_every_fault_at_once(self, pipelines: Caller) -> None:
        bad = pb.Pipeline(stages=[stage("a", pb.STAGE_KIND_WON, 50)])
        with pytest.raises(InvalidArgument) as refused:
            await pipelines.CreatePipeline(rpc.CreatePipelineRequest(pipeline=bad))
        assert {v.field for v in refused.value.violations} == {
            "pipeline.display_name", "pipeline.stages", "pipeline.stages[0].probability",
        }  # fmt: skip

    async def test_a_certain_stage_needs_no_probability(self, pipelines: Caller) -> None:
        made = await make(pipelines)
        assert [s.probability for s in made.stages] == [30, 60, 100, 0]
        assert made.etag == "1"

    async def test_a_repeat_answers_the_same(self, pipelines: Caller) -> None:
        asked = rpc.CreatePipelineRequest(
            pipeline=pb.Pipeline(display_name="Twice", stages=STAGES), request_id=uuid.uuid4().hex
        )
        first, second = await pipelines.CreatePipeline(asked), await pipelines.CreatePipeline(asked)
        assert first.id == second.id

    async def test_a_taken_id(self, pipelines: Caller) -> None:
        made = await make(pipelines)
        again = pb.Pipeline(id=made.id, display_name="Other", stages=STAGES)
        with pytest.raises(AppError) as refused:
            await pipelines.CreatePipeline(rpc.CreatePipelineRequest(pipeline=again))
        assert refused.value.kind is Kind.EXISTS


class TestUsedPipeline:
    async def test_a_used_stage_stays_and_the_pipeline_too(
        self, sales: Harness, admin: Principal, pipelines: Caller
    ) -> None:
        made = await make(pipelines, "Used")
        deal = opportunity_pb2.Opportunity(display_name="In it", pipeline_id=made.id, stage="offer")
        deals = sales.stub(OpportunitiesServiceStub, admin)
        await deals.CreateOpportunity(opportunity_service_pb2.CreateOpportunityRequest(opportunity=deal))
        without = pb.Pipeline(id=made.id, stages=[s for s in STAGES if s.key != "offer"])
        with pytest.raises(AppError) as refused:
            await pipelines.UpdatePipeline(rpc.UpdatePipelineRequest(pipeline=without))
        assert (refused.value.reason, refused.value.metadata["stages"]) == ("STAGE_IN_USE", "offer")
        with pytest.raises(AppError) as refused:
            await pipelines.DeletePipeline(rpc.DeletePipelineRequest(id=made.id))
        assert refused.value.reason == "PIPELINE_IN_USE"
        unused = pb.Pipeline(id=made.id, stages=[s for s in STAGES if s.key != "demo"])
        changed = await pipelines.UpdatePipeline(rpc.UpdatePipelineRequest(pipeline=unused))
        assert [s.key for s in changed.stages] == ["offer", "won", "lost"]

    async def test_an_unused_one_is_deleted(self, pipelines: Caller) -> None:
        made = await make(pipelines, "Idle")
        await pipelines.DeletePipeline(rpc.DeletePipelineRequest(id=made.id, etag=made.etag))
        with pytest.raises(AppError) as refused:
            await pipelines.GetPipeline(rpc.GetPipelineRequest(id=made.id))
        assert refused.value.kind is Kind.NOT_FOUND
