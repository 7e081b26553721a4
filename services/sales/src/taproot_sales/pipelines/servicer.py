"""PipelinesService."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from taproot.sales.v1 import pipeline_pb2 as pb
from taproot.sales.v1 import pipeline_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales import fields
from taproot_sales.pipelines import handlers, queries
from taproot_sales.pipelines.messages import SPECIAL, to_message
from taproot_sales.stored import Stored
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists


async def _get(reader: Reader, pipeline_id: str) -> pb.Pipeline:
    return to_message(await queries.get(reader, pipeline_id))


async def _get_again(reader: Reader, pipeline_id: str) -> pb.Pipeline:
    return to_message(await queries.get(reader, pipeline_id, deleted=True))


class PipelinesServicer(Servicer):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetPipeline(self, request: rpc.GetPipelineRequest, _context: Any) -> pb.Pipeline:
        return await self.read(lambda reader: _get(reader, request.id))

    async def ListPipelines(
        self, request: rpc.ListPipelinesRequest, _context: Any
    ) -> rpc.ListPipelinesResponse:
        async def query(reader: Reader) -> rpc.ListPipelinesResponse:
            page = await queries.page(reader, self._lists, request)
            return rpc.ListPipelinesResponse(
                pipelines=[to_message(Stored(row)) for row in page.rows], next_page_token=page.next_page_token
            )

        return await self.read(query)

    async def CreatePipeline(self, request: rpc.CreatePipelineRequest, _context: Any) -> pb.Pipeline:
        values = fields.values_of(request.pipeline, fields.present(request.pipeline), SPECIAL)
        command = handlers.CreatePipeline(fields.key_of(request.pipeline), fields.without_nulls(values))

        async def act(work: UnitOfWork) -> pb.Pipeline:
            return to_message(await handlers.create_pipeline(command, work))

        return await self.once(request, act, _get_again)

    async def UpdatePipeline(self, request: rpc.UpdatePipelineRequest, _context: Any) -> pb.Pipeline:
        names = fields.changing(request.pipeline, request.update_mask, {})
        command = handlers.UpdatePipeline(
            UUID(request.pipeline.id),
            request.pipeline.etag,
            fields.values_of(request.pipeline, names, SPECIAL),
        )

        async def act(work: UnitOfWork) -> pb.Pipeline:
            return to_message(await handlers.update_pipeline(command, work))

        return await self.once(request, act, _get_again)

    async def DeletePipeline(self, request: rpc.DeletePipelineRequest, _context: Any) -> pb.Pipeline:
        command = handlers.DeletePipeline(UUID(request.id), request.etag)

        async def act(work: UnitOfWork) -> pb.Pipeline:
            return to_message(await handlers.delete_pipeline(command, work))

        return await self.once(request, act, _get_again)
