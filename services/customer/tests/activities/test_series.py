"""Activities that come again, through their RPCs and the reminder job."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.events.v1.activity_event_pb2 import ActivityEvent
from taproot.customer.v1 import activity_pb2 as pb
from taproot.customer.v1 import activity_service_pb2 as rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.recurrence_pb2 import Recurrence
from taproot_base.clock import FakeClock
from taproot_base.errors import Kind
from taproot_customer.activities.recurring import remind_due

NOW = dt.datetime(2027, 1, 4, 0, tzinfo=dt.UTC)
START = dt.datetime(2027, 1, 4, 1, tzinfo=dt.UTC)  # nine in Shanghai
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


def stamp(moment: dt.datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service, clock):
    return await start_service("customer", clock=clock)


class Meetings:
    def __init__(self, stub, customer_id: str) -> None:
        self.stub, self.customer_id = stub, customer_id

    async def plan(self, rule: str = "FREQ=DAILY;COUNT=5", **values) -> pb.Activity:
        fields = {
            "kind": pb.ACTIVITY_KIND_MEETING,
            "display_name": "晨会",
            "start_time": stamp(START),
            **values,
        }
        made = pb.Activity(customer_id=self.customer_id, recurrence=Recurrence(rule=rule), **fields)
        return await self.stub.CreateActivity(rpc.CreateActivityRequest(activity=made))

    async def days(self, key: str) -> list[float]:
        """Starts, in days from the first."""
        window = {"from_time": stamp(NOW - DAY), "to_time": stamp(NOW + 100 * DAY)}
        answer = await self.stub.ExpandActivity(rpc.ExpandActivityRequest(id=key, **window))
        return [(each.start_time.seconds - START.timestamp()) / 86400 for each in answer.occurrences]


@pytest_asyncio.fixture(loop_scope="session")
async def meetings(service, admin, make_customer, clock) -> Meetings:
    clock.set(NOW)
    return Meetings(service.stub(ActivitiesServiceStub, admin), (await make_customer()).id)


class TestSeries:
    async def test_needs_a_caller(self, service, admin, failure):
        nobody = service.stub(ActivitiesServiceStub, None)
        key, moment = admin.subject, stamp(NOW)
        for call in (
            nobody.ExpandActivity(rpc.ExpandActivityRequest(id=key, from_time=moment, to_time=moment)),
            nobody.MoveOccurrence(
                rpc.MoveOccurrenceRequest(id=key, occurrence_time=moment, start_time=moment)
            ),
            nobody.CancelOccurrence(rpc.CancelOccurrenceRequest(id=key, occurrence_time=moment)),
            nobody.SplitActivity(rpc.SplitActivityRequest(id=key, occurrence_time=moment)),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_one_is_moved_one_cancelled_one_done(self, meetings, failure):
        made = await meetings.plan()
        assert made.recurrence.time_zone == "Asia/Shanghai"  # the owner's
        assert made.state == pb.ACTIVITY_STATE_PLANNED
        assert await meetings.days(made.id) == [0, 1, 2, 3, 4]
        move = rpc.MoveOccurrenceRequest(
            id=made.id, occurrence_time=stamp(START + DAY), start_time=stamp(START + 9 * DAY)
        )
        await meetings.stub.MoveOccurrence(move)
        cancel = rpc.CancelOccurrenceRequest(id=made.id, occurrence_time=stamp(START + 2 * DAY))
        changed = await meetings.stub.CancelOccurrence(cancel)
        assert [each.cancelled for each in changed.recurrence.changes] == [False, True]
        complete = rpc.CompleteActivityRequest(
            id=made.id, outcome="reached", occurrence_time=stamp(START + 3 * DAY)
        )
        done = await meetings.stub.CompleteActivity(complete)
        assert (done.state, done.outcome) == (pb.ACTIVITY_STATE_DONE, "reached")
        assert done.id != made.id
        assert not done.HasField("recurrence")
        assert await meetings.days(made.id) == [0, 4, 9]
        assert (await failure(meetings.stub.CompleteActivity(complete))).kind is Kind.INVALID

    async def test_from_one_on(self, meetings, failure):
        made = await meetings.plan()
        split = rpc.SplitActivityRequest(
            id=made.id,
            occurrence_time=stamp(START + 3 * DAY),
            activity=pb.Activity(start_time=stamp(START + 3 * DAY + HOUR), place="二楼"),
        )
        after = await meetings.stub.SplitActivity(split)
        assert await meetings.days(made.id) == [0, 1, 2]
        assert await meetings.days(after.id) == [3 + 1 / 24, 4 + 1 / 24]
        assert (after.place, after.display_name) == ("二楼", "晨会")
        first = rpc.SplitActivityRequest(id=after.id, occurrence_time=after.start_time)
        assert (await failure(meetings.stub.SplitActivity(first))).kind is Kind.INVALID

    async def test_all(self, meetings, failure):
        made = await meetings.plan()
        await meetings.stub.CancelOccurrence(
            rpc.CancelOccurrenceRequest(id=made.id, occurrence_time=stamp(START + DAY))
        )
        await meetings.stub.UpdateActivity(
            rpc.UpdateActivityRequest(activity=pb.Activity(id=made.id, start_time=stamp(START + HOUR)))
        )
        assert await meetings.days(made.id) == [days + 1 / 24 for days in (0, 2, 3, 4)]
        for rule, zone in (("FREQ=WEEKLY;BYDAY=SU", ""), ("FREQ=DAILY", "Mars/Base")):
            change = pb.Activity(id=made.id, recurrence=Recurrence(rule=rule, time_zone=zone))
            error = await failure(meetings.stub.UpdateActivity(rpc.UpdateActivityRequest(activity=change)))
            name = "time_zone" if zone else "rule"
            assert [v.field for v in error.violations] == [f"activity.recurrence.{name}"]


class TestReminders:
    async def test_once_per_occurrence_however_often_the_job_runs(self, service, meetings, clock):
        made = await meetings.plan("FREQ=DAILY;COUNT=3", reminder_lead=Duration(seconds=1800))
        for hours in (0.25, 0.5, 0.6, 24.5, 24.6, 60, 80):
            clock.set(NOW + hours * HOUR)
            with service.system_call():
                await asyncio.gather(*(remind_due(service.runtime.database) for _ in range(2)))
        told = [e for e in await service.events(4, of="activity.*") if str(e.aggregate_id) == made.id]
        near = [e.decode(ActivityEvent).occurrence for e in told if e.type == "activity.reminded"]
        assert [each.start_time.seconds - made.start_time.seconds for each in near] == [0, 86400, 172800]
