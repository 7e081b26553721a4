"""gRPC of attachments: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.wrappers_pb2 import StringValue

from taproot.customer.v1 import attachment_pb2 as pb
from taproot.customer.v1 import attachment_service_pb2 as rpc
from taproot_base.context import current_call
from taproot_chassis.service import Runtime
from taproot_customer.attachments import files, handlers, messages
from taproot_customer.attachments.model import Attachment
from taproot_customer.attachments.queries import SHELF
from taproot_customer.settings import CustomerSettings
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes

BY_VERB = {"branch_id": "AssignCustomer"}


class AttachmentsServicer(ResourceServicer[pb.Attachment]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, SHELF)
        self._blobs = runtime.blobs

    async def GetAttachment(self, request: rpc.GetAttachmentRequest, _context: Any) -> pb.Attachment:
        return await self.get(request.id)

    async def ListAttachments(
        self, request: rpc.ListAttachmentsRequest, _context: Any
    ) -> rpc.ListAttachmentsResponse:
        return await self.page(request, rpc.ListAttachmentsResponse, "attachments")

    async def AggregateAttachments(
        self, request: rpc.AggregateAttachmentsRequest, _context: Any
    ) -> rpc.AggregateAttachmentsResponse:
        return await self.aggregate(request, rpc.AggregateAttachmentsResponse)

    async def UploadAttachment(self, request: rpc.UploadAttachmentRequest, _context: Any) -> pb.Attachment:
        file = files.checked(request.display_name, request.content.data)
        return await self.change(
            request,
            lambda work: handlers.upload_attachment(
                request.id, request.customer_id, file, request.note, self._blobs, work
            ),
        )

    async def DownloadAttachment(self, request: rpc.DownloadAttachmentRequest, _context: Any) -> HttpBody:
        async with self.database.unit() as work:
            found = await handlers.find_file(request.id, work)
            messages.require_whole(current_call().masked)
        content = await handlers.content_of(self._blobs, found)
        name = AnyMessage()
        name.Pack(StringValue(value=found.display_name))
        return HttpBody(content_type=found.media_type, data=content, extensions=[name])

    async def UpdateAttachment(self, request: rpc.UpdateAttachmentRequest, _context: Any) -> pb.Attachment:
        message = request.attachment
        values = changes(message, request.update_mask, Attachment, BY_VERB)
        return await self.change(
            request, lambda work: handlers.update_attachment(message.id, message.etag, values, work)
        )

    async def DeleteAttachment(self, request: rpc.DeleteAttachmentRequest, _context: Any) -> pb.Attachment:
        gone: list[str] = []

        async def act(work: Any) -> Attachment:
            found = await handlers.delete_attachment(request.id, request.etag, work)
            gone.append(found.blob_key)
            return found

        answer = await self.change(request, act)
        for key in gone:
            await self._blobs.delete(key)
        return answer
