"""gRPC of exports: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from google.api.httpbody_pb2 import HttpBody

from taproot.customer.v1 import export_pb2 as pb
from taproot.customer.v1 import export_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.exports import handlers, messages, queries
from taproot_customer.exports.files import part_key
from taproot_customer.exports.formats import MEDIA_TYPES
from taproot_customer.exports.model import Export
from taproot_customer.reading import listed, read_one
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists


class ExportsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._blobs = runtime.blobs

    async def GetExport(self, request: rpc.GetExportRequest, _context: Any) -> pb.Export:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListExports(self, request: rpc.ListExportsRequest, _context: Any) -> rpc.ListExportsResponse:
        async def query(reader: Reader) -> rpc.ListExportsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, listed(Export), Export, request)
            found = [messages.to_message(row) for row in page.rows]
            return rpc.ListExportsResponse(exports=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CreateExport(self, request: rpc.CreateExportRequest, _context: Any) -> pb.Export:
        key, values = wire.optional_uuid(request.export.id), messages.to_values(request.export)

        async def act(work: UnitOfWork) -> pb.Export:
            return messages.to_message(await handlers.create_export(key, values, work, self._lists))

        return await self.once(request, act, self._read)

    async def DeleteExport(self, request: rpc.DeleteExportRequest, _context: Any) -> pb.Export:
        key = uuid.UUID(request.id)
        async with self.database.unit() as work:
            found = await handlers.delete_export(key, request.etag, work)
            answer = messages.to_message(found)
        for part in range(answer.part_count):
            await self._blobs.delete(part_key(key, part))
        return answer

    async def DownloadExport(self, request: rpc.DownloadExportRequest, _context: Any) -> HttpBody:
        key = uuid.UUID(request.id)
        async with self.database.unit() as work:
            form = (await handlers.fetch_part(key, request.part, work)).file_format
        content = await handlers.content_of(self._blobs, key, request.part)
        return HttpBody(content_type=MEDIA_TYPES[form], data=content)

    async def _read(self, reader: Reader, key: str) -> pb.Export:
        return messages.to_message(await read_one(reader, Export, uuid.UUID(key)))
