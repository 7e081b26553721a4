"""gRPC of tasks: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import task_pb2 as pb
from taproot.customer.v1 import task_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_customer.recycling import delete_record, undelete_record
from taproot_customer.settings import CustomerSettings
from taproot_customer.tasks import handlers, messages
from taproot_customer.tasks.model import Task
from taproot_customer.tasks.queries import CONVERSIONS, SHELF
from taproot_records.mapping import row_of
from taproot_records.serving import ResourceServicer
from taproot_storage.database import UnitOfWork

BY_VERB = {"owner_id": "AssignTask", "branch_id": "AssignTask"}


class TasksServicer(ResourceServicer[pb.Task]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetTask(self, request: rpc.GetTaskRequest, _context: Any) -> pb.Task:
        return await self.get(request.id)

    async def ListTasks(self, request: rpc.ListTasksRequest, _context: Any) -> rpc.ListTasksResponse:
        return await self.page(request, rpc.ListTasksResponse, "tasks")

    async def AggregateTasks(
        self, request: rpc.AggregateTasksRequest, _context: Any
    ) -> rpc.AggregateTasksResponse:
        return await self.aggregate(request, rpc.AggregateTasksResponse)

    async def CreateTask(self, request: rpc.CreateTaskRequest, _context: Any) -> pb.Task:
        messages.check_new(request.task)
        values = CONVERSIONS.given(request.task, Task)
        return await self.change(request, lambda work: handlers.create_task(request.task.id, values, work))

    async def UpdateTask(self, request: rpc.UpdateTaskRequest, _context: Any) -> pb.Task:
        message = request.task
        values = CONVERSIONS.changes(message, request.update_mask, Task, BY_VERB)
        return await self.change(
            request, lambda work: handlers.update_task(message.id, message.etag, values, work)
        )

    async def DeleteTask(self, request: rpc.DeleteTaskRequest, _context: Any) -> pb.Task:
        return await self.change(request, lambda work: delete_record(Task, request.id, request.etag, work))

    async def UndeleteTask(self, request: rpc.UndeleteTaskRequest, _context: Any) -> pb.Task:
        return await self.change(request, lambda work: undelete_record(Task, request.id, work))

    async def CompleteTask(self, request: rpc.CompleteTaskRequest, _context: Any) -> pb.Task:
        return await self.change(request, lambda work: handlers.complete_task(request.id, request.etag, work))

    async def SkipTask(self, request: rpc.SkipTaskRequest, _context: Any) -> pb.Task:
        return await self.change(request, lambda work: handlers.skip_task(request.id, request.etag, work))

    async def ReopenTask(self, request: rpc.ReopenTaskRequest, _context: Any) -> pb.Task:
        return await self.change(request, lambda work: handlers.reopen_task(request.id, request.etag, work))

    async def AssignTask(self, request: rpc.AssignTaskRequest, _context: Any) -> pb.Task:
        async def act(work: UnitOfWork) -> pb.Task:
            owner = uuid.UUID(request.owner_id)
            task, seen = await handlers.assign_task(request.id, request.etag, owner, work)
            return self.shelf.message(row_of(task)) if seen else pb.Task(id=request.id, etag=task.etag)

        return await self.once(request, act, self.one)
