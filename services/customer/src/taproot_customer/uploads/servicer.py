"""gRPC of uploads: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import upload_pb2 as pb
from taproot.customer.v1 import upload_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.settings import CustomerSettings
from taproot_customer.uploads import handlers


class UploadsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._blobs = runtime.blobs

    async def GetUpload(self, request: rpc.GetUploadRequest, _context: Any) -> pb.Upload:
        return pb.Upload(id=request.id, size_bytes=await handlers.size_of(request.id, self._blobs))

    async def AppendUpload(self, request: rpc.AppendUploadRequest, _context: Any) -> pb.Upload:
        size = await handlers.append_part(request.id, request.offset, request.content.data, self._blobs)
        return pb.Upload(id=request.id, size_bytes=size)

    async def DeleteUpload(self, request: rpc.DeleteUploadRequest, _context: Any) -> pb.Upload:
        return pb.Upload(id=request.id, size_bytes=await handlers.delete_upload(request.id, self._blobs))
