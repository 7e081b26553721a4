"""gRPC of competitors: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.sales.v1 import competitor_pb2 as pb
from taproot.sales.v1 import competitor_service_pb2 as rpc
from taproot_base.wire import optional_instant
from taproot_chassis.service import Runtime
from taproot_records.keeping import create_record, delete_record, undelete_record, update_record
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_sales.competitors import queries
from taproot_sales.competitors.messages import to_record
from taproot_sales.competitors.model import Competitor
from taproot_storage.database import Reader


class CompetitorsServicer(ResourceServicer[pb.Competitor]):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetCompetitor(self, request: rpc.GetCompetitorRequest, _context: Any) -> pb.Competitor:
        return await self.get(request.id)

    async def ListCompetitors(
        self, request: rpc.ListCompetitorsRequest, _context: Any
    ) -> rpc.ListCompetitorsResponse:
        return await self.page(request, rpc.ListCompetitorsResponse, "competitors")

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
        key, values = request.competitor.id, given(request.competitor, Competitor)
        return await self.change(request, lambda work: create_record(Competitor, key, values, work))

    async def UpdateCompetitor(self, request: rpc.UpdateCompetitorRequest, _context: Any) -> pb.Competitor:
        message = request.competitor
        values = changes(message, request.update_mask, Competitor)
        return await self.change(
            request, lambda work: update_record(Competitor, message.id, message.etag, values, work)
        )

    async def DeleteCompetitor(self, request: rpc.DeleteCompetitorRequest, _context: Any) -> pb.Competitor:
        return await self.change(
            request, lambda work: delete_record(Competitor, request.id, request.etag, work)
        )

    async def UndeleteCompetitor(
        self, request: rpc.UndeleteCompetitorRequest, _context: Any
    ) -> pb.Competitor:
        return await self.change(
            request, lambda work: undelete_record(Competitor, request.id, request.etag, work)
        )
