"""Tasks through their RPCs, the reminder job and what journeys ask for."""

from __future__ import annotations

import asyncio
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import task_pb2 as pb
from taproot.customer.v1 import task_service_pb2 as rpc
from taproot.customer.v1.task_service_pb2_grpc import TasksServiceStub
from taproot.marketing.events.v1.journey_event_pb2 import JourneyEvent, JourneyTask
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_customer.tasks.handlers import remind_due
from taproot_customer.tasks.model import Task, next_due


def at(moment: dt.datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def create(**values: object) -> rpc.CreateTaskRequest:
    return rpc.CreateTaskRequest(task=pb.Task(**{"display_name": "回访", **values}))


class TestTasks:
    async def test_needs_a_caller(self, service, failure):
        nobody, key = service.stub(TasksServiceStub, None), str(new_id())
        for call in (
            nobody.CreateTask(create()),
            nobody.GetTask(rpc.GetTaskRequest(id=key)),
            nobody.ListTasks(rpc.ListTasksRequest()),
            nobody.AggregateTasks(rpc.AggregateTasksRequest()),
            nobody.UpdateTask(rpc.UpdateTaskRequest(task=pb.Task(id=key))),
            nobody.CompleteTask(rpc.CompleteTaskRequest(id=key)),
            nobody.ReopenTask(rpc.ReopenTaskRequest(id=key)),
            nobody.AssignTask(rpc.AssignTaskRequest(id=key, owner_id=key)),
            nobody.DeleteTask(rpc.DeleteTaskRequest(id=key)),
            nobody.UndeleteTask(rpc.UndeleteTaskRequest(id=key)),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_done_reopened_handed_over(self, service, failure):
        seller = await service.add_user({"tasks.*": "own"}, "/hq/e/sh/")
        other = await service.add_user({"tasks.*": "own"}, "/hq/e/sh/")
        stub = service.stub(TasksServiceStub, seller)
        made = await stub.CreateTask(create())
        assert (made.owner_id, made.creator_id) == (seller.subject, seller.subject)
        done = await stub.CompleteTask(rpc.CompleteTaskRequest(id=made.id))
        assert (done.state, done.completed_by_id) == (pb.TASK_STATE_DONE, seller.subject)
        assert (await failure(stub.CompleteTask(rpc.CompleteTaskRequest(id=made.id)))).kind is Kind.STATE
        opened = await stub.ReopenTask(rpc.ReopenTaskRequest(id=made.id))
        assert (opened.state, opened.HasField("complete_time")) == (pb.TASK_STATE_OPEN, False)
        manager = service.stub(
            TasksServiceStub,
            await service.add_user({"tasks.read": "branch", "tasks.assign": "branch"}, "/hq/e/sh/"),
        )
        moved = await manager.AssignTask(rpc.AssignTaskRequest(id=made.id, owner_id=other.subject))
        assert moved.owner_id == other.subject
        assert (await failure(stub.GetTask(rpc.GetTaskRequest(id=made.id)))).kind is Kind.NOT_FOUND
        mine = await service.stub(TasksServiceStub, other).ListTasks(
            rpc.ListTasksRequest(filter="state = OPEN")
        )
        assert [task.id for task in mine.tasks] == [made.id]

    async def test_a_recurring_task_leaves_its_successor(self, service, failure):
        user = await service.add_user({"tasks.*": "own"}, "/hq/e/sh/")
        stub = service.stub(TasksServiceStub, user)
        error = await failure(stub.CreateTask(create(recurrence=pb.TASK_RECURRENCE_MONTHLY)))
        assert [v.field for v in error.violations] == ["task.due_time"]
        due = dt.datetime(2027, 1, 31, 9, tzinfo=dt.UTC)
        made = await stub.CreateTask(
            create(
                recurrence=pb.TASK_RECURRENCE_MONTHLY,
                due_time=at(due),
                reminder_time=at(due - dt.timedelta(hours=1)),
            )
        )
        await stub.CompleteTask(rpc.CompleteTaskRequest(id=made.id))
        (successor,) = (await stub.ListTasks(rpc.ListTasksRequest(filter="state = OPEN"))).tasks
        assert successor.due_time.ToDatetime(tzinfo=dt.UTC) == dt.datetime(2027, 2, 28, 9, tzinfo=dt.UTC)
        assert successor.reminder_time.seconds == successor.due_time.seconds - 3600

    @pytest.mark.parametrize(
        ("recurrence", "expected"),
        [
            ("daily", (2028, 3, 1)),
            ("weekly", (2028, 3, 7)),
            ("monthly", (2028, 3, 29)),
            ("yearly", (2029, 2, 28)),
        ],
    )
    def test_next_due(self, recurrence: str, expected: tuple[int, int, int]):
        found = next_due(dt.datetime(2028, 2, 29, tzinfo=dt.UTC), recurrence, dt.UTC)
        assert found == dt.datetime(*expected, tzinfo=dt.UTC)

    @pytest.mark.parametrize(
        ("due", "recurrence", "expected"),
        [
            ((2027, 3, 13, 9), "daily", (2027, 3, 14, 13, 0)),  # the clocks go forward
            ((2027, 11, 1, 9), "weekly", (2027, 11, 8, 14, 0)),  # and back
            ((2027, 2, 14, 2), "monthly", (2027, 3, 14, 7, 0)),  # two o'clock is skipped
            ((2027, 3, 31, 22), "monthly", (2027, 5, 1, 2, 0)),  # the last of April there, May in UTC
        ],
    )
    def test_next_due_keeps_the_hour_of_the_assignees_clock(
        self, due: tuple[int, ...], recurrence: str, expected: tuple[int, ...]
    ):
        zone = ZoneInfo("America/New_York")
        found = next_due(dt.datetime(*due, tzinfo=zone), recurrence, zone)
        assert found == dt.datetime(*expected, tzinfo=dt.UTC)


class TestReminders:
    async def test_each_once_even_when_two_run(self, service):
        user = await service.add_user({"tasks.*": "own"}, "/hq/e/sh/")
        stub = service.stub(TasksServiceStub, user)
        past = at(dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5))
        made = await stub.CreateTask(create(reminder_time=past, due_time=past))
        with service.system_call():
            await asyncio.gather(*(remind_due(service.runtime.database) for _ in range(3)))
            assert await remind_due(service.runtime.database) == 0
        told = [e.type for e in await service.events(3, of="task.*") if str(e.aggregate_id) == made.id]
        assert told == ["task.created", "task.reminded", "task.overdue"]
        later = at(dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1))
        await stub.UpdateTask(rpc.UpdateTaskRequest(task=pb.Task(id=made.id, reminder_time=later)))
        with service.system_call():
            assert await remind_due(service.runtime.database) == 1

    def test_the_due_time_does_not_repeat_the_reminder(self):
        start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        hour = dt.timedelta(hours=1)
        task = Task.create(
            new_id(), {"display_name": "x", "reminder_time": start, "due_time": start + hour}, start
        )
        for moment in (start, start + hour, start + 2 * hour):
            task.remind(moment)
        assert [r.type for r in task.recorded] == ["task.created", "task.reminded", "task.overdue"]


class TestJourneyTasks:
    async def test_made_once_for_the_owner(self, service, make_customer):
        seller = await service.add_user({"customers.*": "own", "tasks.*": "own"}, "/hq/e/sh/")
        customer = await make_customer(by=seller)
        task = JourneyTask(business_key="run1:call", customer_id=customer.id, title="打电话")
        for version in (1, 2):
            event = service.event(
                "journey.task_requested",
                JourneyEvent(task=task),
                new_id(),
                version=version,
                source="marketing",
            )
            await service.deliver(event, "journey-tasks")
        (made,) = (await service.stub(TasksServiceStub, seller).ListTasks(rpc.ListTasksRequest())).tasks
        assert (made.display_name, made.customer_id, made.owner_id) == ("打电话", customer.id, seller.subject)
