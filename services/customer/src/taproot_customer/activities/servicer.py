"""gRPC of activities: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import activity_pb2 as pb
from taproot.customer.v1 import activity_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.activities import handlers, messages
from taproot_customer.activities.handlers import CreateActivity, UpdateActivity
from taproot_customer.activities.model import Activity
from taproot_customer.activities.queries import RESOURCE
from taproot_customer.reading import listed, read_one
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields


class ActivitiesServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetActivity(self, request: rpc.GetActivityRequest, _context: Any) -> pb.Activity:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListActivities(
        self, request: rpc.ListActivitiesRequest, _context: Any
    ) -> rpc.ListActivitiesResponse:
        async def query(reader: Reader) -> rpc.ListActivitiesResponse:
            page = await self._lists.page(reader, RESOURCE, listed(Activity), Activity, request)
            activities = [messages.to_message(row) for row in page.rows]
            return rpc.ListActivitiesResponse(activities=activities, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateActivities(
        self, request: rpc.AggregateActivitiesRequest, _context: Any
    ) -> rpc.AggregateActivitiesResponse:
        async def query(reader: Reader) -> rpc.AggregateActivitiesResponse:
            rows = await aggregate(reader, RESOURCE, listed(Activity), Activity, request)
            return rpc.AggregateActivitiesResponse(rows=rows)

        return await self.read(query)

    async def CreateActivity(self, request: rpc.CreateActivityRequest, _context: Any) -> pb.Activity:
        message = request.activity
        messages.check_new(message)
        present = {field.name for field, _ in message.ListFields()}
        values = messages.to_values(message, [name for name in messages.FIELDS if name in present])
        command = CreateActivity(
            wire.optional_uuid(message.id),
            uuid.UUID(message.customer_id),
            values,
            wire.optional_uuid(message.owner_id),
        )

        async def act(work: UnitOfWork) -> pb.Activity:
            return messages.to_message(await handlers.create_activity(command, work))

        return await self.once(request, act, self._read)

    async def UpdateActivity(self, request: rpc.UpdateActivityRequest, _context: Any) -> pb.Activity:
        message = request.activity
        values = messages.to_values(message, changed_fields(message, request.update_mask))
        command = UpdateActivity(uuid.UUID(message.id), message.etag, values)

        async def act(work: UnitOfWork) -> pb.Activity:
            return messages.to_message(await handlers.update_activity(command, work))

        return await self.once(request, act, self._read)

    async def DeleteActivity(self, request: rpc.DeleteActivityRequest, _context: Any) -> pb.Activity:
        async def act(work: UnitOfWork) -> pb.Activity:
            key = uuid.UUID(request.id)
            return messages.to_message(await handlers.delete_activity(key, request.etag, work))

        return await self.once(request, act, self._read)

    async def UndeleteActivity(self, request: rpc.UndeleteActivityRequest, _context: Any) -> pb.Activity:
        async def act(work: UnitOfWork) -> pb.Activity:
            return messages.to_message(await handlers.undelete_activity(uuid.UUID(request.id), work))

        return await self.once(request, act, self._read)

    async def CompleteActivity(self, request: rpc.CompleteActivityRequest, _context: Any) -> pb.Activity:
        async def act(work: UnitOfWork) -> pb.Activity:
            key = uuid.UUID(request.id)
            done = await handlers.complete_activity(key, request.etag, request.outcome, request.body, work)
            return messages.to_message(done)

        return await self.once(request, act, self._read)

    async def CancelActivity(self, request: rpc.CancelActivityRequest, _context: Any) -> pb.Activity:
        async def act(work: UnitOfWork) -> pb.Activity:
            key = uuid.UUID(request.id)
            return messages.to_message(await handlers.cancel_activity(key, request.etag, work))

        return await self.once(request, act, self._read)

    async def CommentActivity(self, request: rpc.CommentActivityRequest, _context: Any) -> pb.Activity:
        async def act(work: UnitOfWork) -> pb.Activity:
            key = uuid.UUID(request.id)
            return messages.to_message(
                await handlers.comment_activity(key, request.etag, request.comment, work)
            )

        return await self.once(request, act, self._read)

    async def _read(self, reader: Reader, key: str) -> pb.Activity:
        return messages.to_message(await read_one(reader, Activity, uuid.UUID(key)))
