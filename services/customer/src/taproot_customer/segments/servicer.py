"""gRPC of segments: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import segment_pb2 as pb
from taproot.customer.v1 import segment_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.customers import messages as customers
from taproot_customer.customers.model import Customer
from taproot_customer.reading import listed, read_one
from taproot_customer.segments import handlers, messages, queries
from taproot_customer.segments.handlers import CreateSegment, UpdateSegment
from taproot_customer.segments.model import Segment
from taproot_customer.settings import CustomerSettings
from taproot_listing.lists import ListParameters
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields


class SegmentsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetSegment(self, request: rpc.GetSegmentRequest, _context: Any) -> pb.Segment:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListSegments(self, request: rpc.ListSegmentsRequest, _context: Any) -> rpc.ListSegmentsResponse:
        async def query(reader: Reader) -> rpc.ListSegmentsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, listed(Segment), Segment, request)
            segments = [messages.to_message(row) for row in page.rows]
            return rpc.ListSegmentsResponse(segments=segments, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateSegments(
        self, request: rpc.AggregateSegmentsRequest, _context: Any
    ) -> rpc.AggregateSegmentsResponse:
        async def query(reader: Reader) -> rpc.AggregateSegmentsResponse:
            rows = await aggregate(reader, queries.RESOURCE, listed(Segment), Segment, request)
            return rpc.AggregateSegmentsResponse(rows=rows)

        return await self.read(query)

    async def CreateSegment(self, request: rpc.CreateSegmentRequest, _context: Any) -> pb.Segment:
        message = request.segment
        messages.check_new(message)
        present = {field.name for field, _ in message.ListFields()}
        values = messages.to_values(message, [name for name in messages.FIELDS if name in present])
        command = CreateSegment(
            wire.optional_uuid(message.id),
            values,
            wire.optional_uuid(message.owner_id),
            wire.optional_uuid(message.branch_id),
        )

        async def act(work: UnitOfWork) -> pb.Segment:
            return messages.to_message(await handlers.create_segment(command, work))

        return await self.once(request, act, self._read)

    async def UpdateSegment(self, request: rpc.UpdateSegmentRequest, _context: Any) -> pb.Segment:
        message = request.segment
        values = messages.to_values(message, changed_fields(message, request.update_mask))
        command = UpdateSegment(uuid.UUID(message.id), message.etag, values)

        async def act(work: UnitOfWork) -> pb.Segment:
            return messages.to_message(await handlers.update_segment(command, work))

        return await self.once(request, act, self._read)

    async def DeleteSegment(self, request: rpc.DeleteSegmentRequest, _context: Any) -> pb.Segment:
        async def act(work: UnitOfWork) -> pb.Segment:
            key = uuid.UUID(request.id)
            return messages.to_message(await handlers.delete_segment(key, request.etag, work))

        return await self.once(request, act, self._read)

    async def PreviewSegment(
        self, request: rpc.PreviewSegmentRequest, _context: Any
    ) -> rpc.PreviewSegmentResponse:
        async def query(reader: Reader) -> rpc.PreviewSegmentResponse:
            size = min(request.page_size or 10, 100)
            count, rows = await queries.preview(reader, request.filter, size)
            samples = [customers.to_message(row) for row in rows]
            return rpc.PreviewSegmentResponse(member_count=count, samples=samples)

        return await self.read(query)

    async def RefreshSegment(self, request: rpc.RefreshSegmentRequest, _context: Any) -> pb.Segment:
        async def act(work: UnitOfWork) -> pb.Segment:
            return messages.to_message(await handlers.refresh_segment(uuid.UUID(request.id), work))

        return await self.once(request, act, self._read)

    async def ListSegmentMembers(
        self, request: rpc.ListSegmentMembersRequest, _context: Any
    ) -> rpc.ListSegmentMembersResponse:
        async def query(reader: Reader) -> rpc.ListSegmentMembersResponse:
            segment = await read_one(reader, Segment, uuid.UUID(request.segment_id))
            asked = ListParameters("", "", request.page_size, request.page_token)
            rows = queries.listed_members(segment["id"])
            page = await self._lists.page(reader, queries.MEMBERS, rows, Customer, asked)
            name = segment["display_name"]
            members = [messages.to_member(row, name, row["display_name"]) for row in page.rows]
            return rpc.ListSegmentMembersResponse(
                segment_members=members, next_page_token=page.next_page_token
            )

        return await self.read(query)

    async def AddSegmentMembers(self, request: rpc.AddSegmentMembersRequest, _context: Any) -> pb.Segment:
        ids = [uuid.UUID(key) for key in request.customer_ids]

        async def act(work: UnitOfWork) -> pb.Segment:
            return messages.to_message(await handlers.add_members(uuid.UUID(request.id), ids, work))

        return await self.once(request, act, self._read)

    async def RemoveSegmentMembers(
        self, request: rpc.RemoveSegmentMembersRequest, _context: Any
    ) -> pb.Segment:
        ids = [uuid.UUID(key) for key in request.customer_ids]

        async def act(work: UnitOfWork) -> pb.Segment:
            return messages.to_message(await handlers.remove_members(uuid.UUID(request.id), ids, work))

        return await self.once(request, act, self._read)

    async def _read(self, reader: Reader, key: str) -> pb.Segment:
        return messages.to_message(await read_one(reader, Segment, uuid.UUID(key)))
