"""CompetitorsService."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from taproot.sales.v1 import competitor_pb2 as pb
from taproot.sales.v1 import competitor_service_pb2 as rpc
from taproot_base.wire import optional_instant
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales import fields
from taproot_sales.competitors import handlers, queries
from taproot_sales.competitors.messages import SPECIAL, to_message, to_record
from taproot_sales.competitors.model import Competitor
from taproot_sales.stored import Stored
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists

Handle = Callable[[Any, UnitOfWork], Awaitable[Competitor]]


async def _get_again(reader: Reader, competitor_id: str) -> pb.Competitor:
    return to_message(await queries.get(reader, competitor_id, deleted=True))


class CompetitorsServicer(Servicer):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetCompetitor(self, request: rpc.GetCompetitorRequest, _context: Any) -> pb.Competitor:
        async def query(reader: Reader) -> pb.Competitor:
            return to_message(await queries.get(reader, request.id))

        return await self.read(query)

    async def ListCompetitors(
        self, request: rpc.ListCompetitorsRequest, _context: Any
    ) -> rpc.ListCompetitorsResponse:
        async def query(reader: Reader) -> rpc.ListCompetitorsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.ROWS, Competitor, request)
            found = [to_message(Stored(row)) for row in page.rows]
            return rpc.ListCompetitorsResponse(competitors=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CompareCompetitors(
        self, request: rpc.CompareCompetitorsRequest, _context: Any
    ) -> rpc.CompareCompetitorsResponse:
        start, end = optional_instant(request, "start_time"), optional_instant(request, "end_time")

        async def query(reader: Reader) -> rpc.CompareCompetitorsResponse:
            rows = await queries.compare(reader, start, end, request.currency_code)
            return rpc.CompareCompetitorsResponse(
                rows=[to_record(row, request.currency_code) for row in rows]
            )

        return await self.read(query)

    async def CreateCompetitor(self, request: rpc.CreateCompetitorRequest, _context: Any) -> pb.Competitor:
        message = request.competitor
        values = fields.without_nulls(fields.values_of(message, fields.present(message), SPECIAL))
        command = handlers.CreateCompetitor(fields.key_of(message), values)
        return await self._act(request, handlers.create_competitor, command)

    async def UpdateCompetitor(self, request: rpc.UpdateCompetitorRequest, _context: Any) -> pb.Competitor:
        message = request.competitor
        names = fields.changing(message, request.update_mask, {})
        values = fields.values_of(message, names, SPECIAL)
        command = handlers.UpdateCompetitor(UUID(message.id), message.etag, values)
        return await self._act(request, handlers.update_competitor, command)

    async def DeleteCompetitor(self, request: rpc.DeleteCompetitorRequest, _context: Any) -> pb.Competitor:
        command = handlers.CompetitorVerb(UUID(request.id), request.etag)
        return await self._act(request, handlers.delete_competitor, command)

    async def UndeleteCompetitor(
        self, request: rpc.UndeleteCompetitorRequest, _context: Any
    ) -> pb.Competitor:
        command = handlers.CompetitorVerb(UUID(request.id), request.etag)
        return await self._act(request, handlers.undelete_competitor, command)

    async def _act(self, request: Any, handle: Handle, command: Any) -> pb.Competitor:
        async def act(work: UnitOfWork) -> pb.Competitor:
            return to_message(await handle(command, work))

        return await self.once(request, act, _get_again)
