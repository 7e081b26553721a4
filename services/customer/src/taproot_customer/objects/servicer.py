"""gRPC of objects: parse, hand over, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from taproot.customer.v1 import object_pb2 as pb
from taproot.customer.v1 import object_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.object_types.queries import find_type
from taproot_customer.objects import handlers, messages
from taproot_customer.objects.access import narrow
from taproot_customer.objects.model import CustomObject
from taproot_customer.objects.queries import shelf
from taproot_customer.settings import CustomerSettings
from taproot_records.mapping import message_of, row_of
from taproot_records.reading import Shelf
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists


class ObjectsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetObject(self, request: rpc.GetObjectRequest, _context: Any) -> pb.Object:
        return await self.read(lambda reader: _read(reader, request.type, request.id))

    async def ListObjects(self, request: rpc.ListObjectsRequest, _context: Any) -> rpc.ListObjectsResponse:
        async def query(reader: Reader) -> rpc.ListObjectsResponse:
            found = await _shelf(reader, request.type)
            things, token = await found.page(reader, request, self._lists)
            return rpc.ListObjectsResponse(objects=things, next_page_token=token)

        return await self.read(query)

    async def AggregateObjects(
        self, request: rpc.AggregateObjectsRequest, _context: Any
    ) -> rpc.AggregateObjectsResponse:
        async def query(reader: Reader) -> rpc.AggregateObjectsResponse:
            found = await _shelf(reader, request.type)
            return rpc.AggregateObjectsResponse(rows=await found.aggregate(reader, request))

        return await self.read(query)

    async def CreateObject(self, request: rpc.CreateObjectRequest, _context: Any) -> pb.Object:
        values = messages.new_values(request.object)
        return await self._change(
            request, request.object.type, lambda work: handlers.create_object(request.object.id, values, work)
        )

    async def UpdateObject(self, request: rpc.UpdateObjectRequest, _context: Any) -> pb.Object:
        message = request.object
        values = messages.changed_values(message, request.update_mask)
        return await self._change(
            request,
            message.type,
            lambda work: handlers.update_object(message.type, message.id, message.etag, values, work),
        )

    async def DeleteObject(self, request: rpc.DeleteObjectRequest, _context: Any) -> pb.Object:
        return await self._change(
            request,
            request.type,
            lambda work: handlers.delete_object(request.type, request.id, request.etag, work),
        )

    async def UndeleteObject(self, request: rpc.UndeleteObjectRequest, _context: Any) -> pb.Object:
        return await self._change(
            request,
            request.type,
            lambda work: handlers.undelete_object(request.type, request.id, request.etag, work),
        )

    async def TransitionObject(self, request: rpc.TransitionObjectRequest, _context: Any) -> pb.Object:
        return await self._change(
            request,
            request.type,
            lambda work: handlers.transition_object(
                request.type, request.id, request.etag, request.state, work
            ),
        )

    async def _change(
        self, request: Any, kind: str, act: Callable[[UnitOfWork], Awaitable[CustomObject]]
    ) -> pb.Object:
        async def run(work: UnitOfWork) -> pb.Object:
            return message_of(pb.Object, row_of(await act(work)))

        async def again(reader: Reader, key: str) -> pb.Object:
            return await _read(reader, kind, key, deleted=True)

        return await self.once(request, run, again)


async def _shelf(reader: Reader, kind_key: str) -> Shelf[pb.Object]:
    """Narrowed to what the caller may read."""
    narrow(await find_type(reader, kind_key), "read")
    return shelf(kind_key)


async def _read(reader: Reader, kind_key: str, key: str, *, deleted: bool = False) -> pb.Object:
    return await (await _shelf(reader, kind_key)).get(reader, key, deleted=deleted)
