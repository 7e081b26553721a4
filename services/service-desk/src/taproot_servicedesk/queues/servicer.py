"""gRPC of queues: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.servicedesk.v1 import queue_pb2 as pb
from taproot.servicedesk.v1 import queue_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.keeping import create_record, update_record
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_servicedesk.queues import handlers, queries
from taproot_servicedesk.queues.model import Queue
from taproot_servicedesk.settings import ServiceDeskSettings


class QueuesServicer(ResourceServicer[pb.Queue]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetQueue(self, request: rpc.GetQueueRequest, _context: Any) -> pb.Queue:
        return await self.get(request.id)

    async def ListQueues(self, request: rpc.ListQueuesRequest, _context: Any) -> rpc.ListQueuesResponse:
        return await self.page(request, rpc.ListQueuesResponse, "queues")

    async def CreateQueue(self, request: rpc.CreateQueueRequest, _context: Any) -> pb.Queue:
        values = given(request.queue, Queue)
        return await self.change(request, lambda work: create_record(Queue, request.queue.id, values, work))

    async def UpdateQueue(self, request: rpc.UpdateQueueRequest, _context: Any) -> pb.Queue:
        message = request.queue
        values = changes(message, request.update_mask, Queue)
        return await self.change(
            request, lambda work: update_record(Queue, message.id, message.etag, values, work)
        )

    async def DeleteQueue(self, request: rpc.DeleteQueueRequest, _context: Any) -> pb.Queue:
        key = uuid.UUID(request.id)
        return await self.change(request, lambda work: handlers.delete_queue(key, request.etag, work))
