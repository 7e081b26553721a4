"""gRPC of pipelines: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.sales.v1 import pipeline_pb2 as pb
from taproot.sales.v1 import pipeline_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_sales.pipelines import handlers
from taproot_sales.pipelines.model import Pipeline
from taproot_sales.pipelines.queries import SHELF


class PipelinesServicer(ResourceServicer[pb.Pipeline]):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime, SHELF)

    async def GetPipeline(self, request: rpc.GetPipelineRequest, _context: Any) -> pb.Pipeline:
        return await self.get(request.id)

    async def ListPipelines(
        self, request: rpc.ListPipelinesRequest, _context: Any
    ) -> rpc.ListPipelinesResponse:
        return await self.page(request, rpc.ListPipelinesResponse, "pipelines")

    async def CreatePipeline(self, request: rpc.CreatePipelineRequest, _context: Any) -> pb.Pipeline:
        message = request.pipeline
        values = given(message, Pipeline)
        return await self.change(request, lambda work: handlers.create_pipeline(message.id, values, work))

    async def UpdatePipeline(self, request: rpc.UpdatePipelineRequest, _context: Any) -> pb.Pipeline:
        message = request.pipeline
        values = changes(message, request.update_mask, Pipeline)
        return await self.change(
            request, lambda work: handlers.update_pipeline(message.id, message.etag, values, work)
        )

    async def DeletePipeline(self, request: rpc.DeletePipelineRequest, _context: Any) -> pb.Pipeline:
        return await self.change(
            request, lambda work: handlers.delete_pipeline(request.id, request.etag, work)
        )
