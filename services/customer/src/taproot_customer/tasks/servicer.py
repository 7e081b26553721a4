"""gRPC of tasks: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import task_pb2 as pb
from taproot.customer.v1 import task_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.reading import listed, read_one
from taproot_customer.settings import CustomerSettings
from taproot_customer.tasks import handlers, messages
from taproot_customer.tasks.handlers import CreateTask, UpdateTask
from taproot_customer.tasks.model import Task
from taproot_customer.tasks.queries import RESOURCE
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields


class TasksServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetTask(self, request: rpc.GetTaskRequest, _context: Any) -> pb.Task:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListTasks(self, request: rpc.ListTasksRequest, _context: Any) -> rpc.ListTasksResponse:
        async def query(reader: Reader) -> rpc.ListTasksResponse:
            page = await self._lists.page(reader, RESOURCE, listed(Task), Task, request)
            tasks = [messages.to_message(row) for row in page.rows]
            return rpc.ListTasksResponse(tasks=tasks, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateTasks(
        self, request: rpc.AggregateTasksRequest, _context: Any
    ) -> rpc.AggregateTasksResponse:
        async def query(reader: Reader) -> rpc.AggregateTasksResponse:
            rows = await aggregate(reader, RESOURCE, listed(Task), Task, request)
            return rpc.AggregateTasksResponse(rows=rows)

        return await self.read(query)

    async def CreateTask(self, request: rpc.CreateTaskRequest, _context: Any) -> pb.Task:
        message = request.task
        messages.check_new(message)
        present = {field.name for field, _ in message.ListFields()}
        values = messages.to_values(message, [name for name in messages.FIELDS if name in present])
        command = CreateTask(
            wire.optional_uuid(message.id),
            wire.optional_uuid(message.customer_id),
            values,
            wire.optional_uuid(message.owner_id),
        )

        async def act(work: UnitOfWork) -> pb.Task:
            return messages.to_message(await handlers.create_task(command, work))

        return await self.once(request, act, self._read)

    async def UpdateTask(self, request: rpc.UpdateTaskRequest, _context: Any) -> pb.Task:
        message = request.task
        values = messages.to_values(message, changed_fields(message, request.update_mask))
        command = UpdateTask(uuid.UUID(message.id), message.etag, values)

        async def act(work: UnitOfWork) -> pb.Task:
            return messages.to_message(await handlers.update_task(command, work))

        return await self.once(request, act, self._read)

    async def DeleteTask(self, request: rpc.DeleteTaskRequest, _context: Any) -> pb.Task:
        async def act(work: UnitOfWork) -> pb.Task:
            key = uuid.UUID(request.id)
            return messages.to_message(await handlers.delete_task(key, request.etag, work))

        return await self.once(request, act, self._read)

    async def UndeleteTask(self, request: rpc.UndeleteTaskRequest, _context: Any) -> pb.Task:
        async def act(work: UnitOfWork) -> pb.Task:
            return messages.to_message(await handlers.undelete_task(uuid.UUID(request.id), work))

        return await self.once(request, act, self._read)

    async def CompleteTask(self, request: rpc.CompleteTaskRequest, _context: Any) -> pb.Task:
        async def act(work: UnitOfWork) -> pb.Task:
            key = uuid.UUID(request.id)
            return messages.to_message(await handlers.complete_task(key, request.etag, work))

        return await self.once(request, act, self._read)

    async def ReopenTask(self, request: rpc.ReopenTaskRequest, _context: Any) -> pb.Task:
        async def act(work: UnitOfWork) -> pb.Task:
            key = uuid.UUID(request.id)
            return messages.to_message(await handlers.reopen_task(key, request.etag, work))

        return await self.once(request, act, self._read)

    async def AssignTask(self, request: rpc.AssignTaskRequest, _context: Any) -> pb.Task:
        async def act(work: UnitOfWork) -> pb.Task:
            key, owner = uuid.UUID(request.id), uuid.UUID(request.owner_id)
            task, seen = await handlers.assign_task(key, request.etag, owner, work)
            return messages.to_message(task) if seen else pb.Task(id=request.id, etag=task.etag)

        return await self.once(request, act, self._read)

    async def _read(self, reader: Reader, key: str) -> pb.Task:
        return messages.to_message(await read_one(reader, Task, uuid.UUID(key)))
