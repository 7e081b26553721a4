"""gRPC of insights: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from google.api.httpbody_pb2 import HttpBody

from taproot.customer.v1 import insight_pb2 as pb
from taproot.customer.v1 import insight_service_pb2 as rpc
from taproot_base.context import current_call
from taproot_base.errors import NotFound
from taproot_base.masking import mask
from taproot_chassis.service import Runtime
from taproot_customer.analysis import handlers, messages, queries
from taproot_customer.analysis.model import Insight, insight_cells
from taproot_customer.customers.model import Customer
from taproot_customer.settings import CustomerSettings
from taproot_records.mapping import message_of
from taproot_records.serving import ResourceServicer
from taproot_records.writing import given
from taproot_storage.database import Reader
from taproot_storage.reads import aggregate

_CSV = "text/csv; charset=utf-8"


class InsightsServicer(ResourceServicer[pb.Insight]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetInsight(self, request: rpc.GetInsightRequest, _context: Any) -> pb.Insight:
        return await self.get(request.id)

    async def ListInsights(self, request: rpc.ListInsightsRequest, _context: Any) -> rpc.ListInsightsResponse:
        return await self.page(request, rpc.ListInsightsResponse, "insights")

    async def CreateInsight(self, request: rpc.CreateInsightRequest, _context: Any) -> pb.Insight:
        messages.check_new(request.insight)
        values = given(request.insight, Insight)
        return await self.change(
            request, lambda work: handlers.create_insight(request.insight.id, values, work)
        )

    async def DeleteInsight(self, request: rpc.DeleteInsightRequest, _context: Any) -> pb.Insight:
        return await self.change(
            request, lambda work: handlers.delete_insight(request.id, request.etag, work)
        )

    async def ListInsightScores(
        self, request: rpc.ListInsightScoresRequest, _context: Any
    ) -> rpc.ListInsightScoresResponse:
        async def query(reader: Reader) -> rpc.ListInsightScoresResponse:
            insight = await self.shelf.row(reader, request.insight_id)
            rows = queries.listed_scores(insight)
            page = await self.lists.page(
                reader, queries.SCORES, rows, Customer, request, of=request.insight_id
            )
            found = [message_of(pb.InsightScore, row) for row in page.rows]
            return rpc.ListInsightScoresResponse(insight_scores=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateInsightScores(
        self, request: rpc.AggregateInsightScoresRequest, _context: Any
    ) -> rpc.AggregateInsightScoresResponse:
        async def query(reader: Reader) -> rpc.AggregateInsightScoresResponse:
            insight = await self.shelf.row(reader, request.insight_id)
            rows = queries.listed_scores(insight)
            found = await aggregate(reader, queries.SCORES, rows, Customer, request)
            return rpc.AggregateInsightScoresResponse(rows=found)

        return await self.read(query)

    async def ListInsightCells(
        self, request: rpc.ListInsightCellsRequest, _context: Any
    ) -> rpc.ListInsightCellsResponse:
        async def query(reader: Reader) -> rpc.ListInsightCellsResponse:
            insight = await self.shelf.row(reader, request.insight_id)
            rows = queries.listed_cells(insight)
            page = await self.lists.page(
                reader, queries.CELLS, rows, insight_cells, request, of=request.insight_id
            )
            found = [message_of(pb.InsightCell, row) for row in page.rows]
            return rpc.ListInsightCellsResponse(insight_cells=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def DownloadInsight(self, request: rpc.DownloadInsightRequest, _context: Any) -> HttpBody:
        key, part = uuid.UUID(request.id), request.part
        kind: Any = pb.InsightCell if request.cells else pb.InsightScore
        read = queries.part_of_cells if request.cells else queries.part_of_scores
        async with self.database.unit() as work:
            insight = await handlers.fetch_part(key, part, work)
            rows = await work.fetch(read(insight, part))
        if part and not rows:
            raise NotFound("part of the insight", part)
        found = [message_of(kind, row) for row in rows]
        for message in found:
            mask(message, current_call().masked)
        return HttpBody(content_type=_CSV, data=messages.to_csv(kind, found))
