"""Tasks that come back by a rule."""

from __future__ import annotations

import datetime as dt

from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import task_pb2 as pb
from taproot.customer.v1 import task_service_pb2 as rpc
from taproot.customer.v1.task_service_pb2_grpc import TasksServiceStub
from taproot_base.errors import Kind

DUE = dt.datetime(2027, 1, 31, 1, tzinfo=dt.UTC)  # nine in Shanghai, where the users are


def at(moment: dt.datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


class Chain:
    def __init__(self, stub) -> None:
        self.stub = stub

    async def begin(self, **values) -> pb.Task:
        task = pb.Task(display_name="月报", due_time=at(DUE), **values)
        return await self.stub.CreateTask(rpc.CreateTaskRequest(task=task))

    async def open(self) -> list[pb.Task]:
        return list((await self.stub.ListTasks(rpc.ListTasksRequest(filter="state = OPEN"))).tasks)

    async def complete(self) -> list[str]:
        (task,) = await self.open()
        await self.stub.CompleteTask(rpc.CompleteTaskRequest(id=task.id))
        return [f"{each.due_time.ToDatetime():%m-%d %H}" for each in await self.open()]


async def chain(service) -> Chain:
    user = await service.add_user({"tasks.*": "own"}, "/hq/e/sh/")
    return Chain(service.stub(TasksServiceStub, user))


class TestSeries:
    async def test_a_monthly_task_does_not_drift(self, service):
        found = await chain(service)
        await found.begin(recurrence=pb.TASK_RECURRENCE_MONTHLY)
        assert [await found.complete() for _ in range(3)] == [["02-28 01"], ["03-31 01"], ["04-30 01"]]

    async def test_by_rule_until_its_end(self, service, failure):
        found = await chain(service)
        made = await found.begin(recurrence_rule="FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3")
        assert made.occurrence_time == made.due_time
        assert [await found.complete() for _ in range(3)] == [["02-28 01"], ["03-31 01"], []]
        error = await failure(found.begin(recurrence_rule="FREQ=DAILY;BYDAY=MO", time_zone="Mars/Base"))
        assert sorted(v.field for v in error.violations) == ["task.recurrence_rule", "task.time_zone"]
        both = await failure(found.begin(recurrence_rule="FREQ=DAILY", recurrence=pb.TASK_RECURRENCE_DAILY))
        assert [v.field for v in both.violations] == ["task.recurrence_rule"]

    async def test_this_one_moved_or_left_out_and_this_and_those_that_follow(self, service, failure):
        found = await chain(service)
        made = await found.begin(recurrence_rule="FREQ=WEEKLY")
        moved = pb.Task(id=made.id, due_time=at(DUE + dt.timedelta(days=2)))
        await found.stub.UpdateTask(rpc.UpdateTaskRequest(task=moved))
        assert await found.complete() == ["02-07 01"]
        (second,) = await found.open()
        skipped = await found.stub.SkipTask(rpc.SkipTaskRequest(id=second.id))
        assert f"{skipped.due_time.ToDatetime():%m-%d}" == "02-14"
        later = pb.Task(
            id=second.id, due_time=at(DUE + dt.timedelta(days=15)), recurrence_rule="FREQ=WEEKLY;COUNT=2"
        )
        await found.stub.UpdateTask(rpc.UpdateTaskRequest(task=later))
        assert await found.complete() == ["02-22 01"]
        (last,) = await found.open()
        assert (await failure(found.stub.SkipTask(rpc.SkipTaskRequest(id=last.id)))).kind is Kind.STATE

    async def test_skipping_needs_a_caller(self, service, failure):
        user = await service.add_user({"tasks.*": "own"}, "/hq/e/sh/")
        nobody = service.stub(TasksServiceStub, None)
        error = await failure(nobody.SkipTask(rpc.SkipTaskRequest(id=user.subject)))
        assert error.kind is Kind.UNAUTHENTICATED
