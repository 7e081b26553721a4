"""gRPC of segments: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from taproot.customer.v1 import segment_pb2 as pb
from taproot.customer.v1 import segment_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_customer.customers.model import Customer
from taproot_customer.segments import handlers, messages, previewing, queries
from taproot_customer.segments.membership import MEMBERSHIP
from taproot_customer.segments.model import Segment
from taproot_customer.settings import CustomerSettings
from taproot_records.mapping import short_name
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_storage.database import Reader, UnitOfWork


class SegmentsServicer(ResourceServicer[pb.Segment]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def move(self, request: Any, act: Callable[[UnitOfWork], Awaitable[Any]]) -> pb.Segment:
        return await self.change(request, act, [MEMBERSHIP])

    async def GetSegment(self, request: rpc.GetSegmentRequest, _context: Any) -> pb.Segment:
        return await self.get(request.id)

    async def ListSegments(self, request: rpc.ListSegmentsRequest, _context: Any) -> rpc.ListSegmentsResponse:
        return await self.page(request, rpc.ListSegmentsResponse, "segments")

    async def AggregateSegments(
        self, request: rpc.AggregateSegmentsRequest, _context: Any
    ) -> rpc.AggregateSegmentsResponse:
        return await self.aggregate(request, rpc.AggregateSegmentsResponse)

    async def CreateSegment(self, request: rpc.CreateSegmentRequest, _context: Any) -> pb.Segment:
        messages.check_new(request.segment)
        values = given(request.segment, Segment)
        return await self.move(
            request, lambda work: handlers.create_segment(request.segment.id, values, work)
        )

    async def UpdateSegment(self, request: rpc.UpdateSegmentRequest, _context: Any) -> pb.Segment:
        message = request.segment
        values = changes(message, request.update_mask, Segment)
        return await self.move(
            request, lambda work: handlers.update_segment(message.id, message.etag, values, work)
        )

    async def DeleteSegment(self, request: rpc.DeleteSegmentRequest, _context: Any) -> pb.Segment:
        return await self.move(request, lambda work: handlers.delete_segment(request.id, request.etag, work))

    async def PreviewSegment(
        self, request: rpc.PreviewSegmentRequest, _context: Any
    ) -> rpc.PreviewSegmentResponse:
        messages.check_preview(request)
        operands = [uuid.UUID(key) for key in request.operand_ids]

        async def query(reader: Reader) -> rpc.PreviewSegmentResponse:
            size = min(request.page_size or 10, 100)
            if request.filter:
                return messages.to_preview(await previewing.of_filter(reader, request.filter, size))
            operator = short_name(pb.SegmentOperator.DESCRIPTOR, request.operator)
            return messages.to_preview(await previewing.of_combination(reader, operator, operands, size))

        return await self.read(query)

    async def RefreshSegment(self, request: rpc.RefreshSegmentRequest, _context: Any) -> pb.Segment:
        return await self.move(request, lambda work: handlers.refresh_segment(request.id, work))

    async def ListSegmentMembers(
        self, request: rpc.ListSegmentMembersRequest, _context: Any
    ) -> rpc.ListSegmentMembersResponse:
        async def query(reader: Reader) -> rpc.ListSegmentMembersResponse:
            segment = await self.shelf.row(reader, request.segment_id)
            page = await self.lists.page(
                reader,
                queries.MEMBERS,
                queries.listed_members(segment["id"]),
                Customer,
                request,
                of=request.segment_id,
            )
            name = segment["display_name"]
            members = [messages.to_member(row, name, row["display_name"]) for row in page.rows]
            return rpc.ListSegmentMembersResponse(
                segment_members=members, next_page_token=page.next_page_token
            )

        return await self.read(query)

    async def AddSegmentMembers(self, request: rpc.AddSegmentMembersRequest, _context: Any) -> pb.Segment:
        ids = [uuid.UUID(key) for key in request.customer_ids]
        return await self.move(request, lambda work: handlers.add_members(request.id, ids, work))

    async def RemoveSegmentMembers(
        self, request: rpc.RemoveSegmentMembersRequest, _context: Any
    ) -> pb.Segment:
        ids = [uuid.UUID(key) for key in request.customer_ids]
        return await self.move(request, lambda work: handlers.remove_members(request.id, ids, work))
