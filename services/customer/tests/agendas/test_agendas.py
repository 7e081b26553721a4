"""Calendars of users, teams and customers."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from taproot.customer.v1 import activity_pb2, care_date_pb2, task_pb2
from taproot.customer.v1 import activity_service_pb2 as activity_rpc
from taproot.customer.v1 import agenda_service_pb2 as pb
from taproot.customer.v1 import care_date_service_pb2 as care_rpc
from taproot.customer.v1 import task_service_pb2 as task_rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.agenda_service_pb2_grpc import AgendasServiceStub
from taproot.customer.v1.care_date_service_pb2_grpc import CareDatesServiceStub
from taproot.customer.v1.recurrence_pb2 import Recurrence
from taproot.customer.v1.task_service_pb2_grpc import TasksServiceStub
from taproot_base.errors import Kind
from taproot_customer.agendas.entries import Window

MONDAY = dt.datetime(2100, 3, 1, 1, tzinfo=dt.UTC)  # nine in Shanghai
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
ALL = {"customers.*": "own", "activities.*": "own", "tasks.*": "own", "care_dates.*": "own"}


def stamp(moment: dt.datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


def ask(since: dt.datetime = MONDAY - HOUR, days: int = 7, **values: str) -> pb.ReadAgendaRequest:
    return pb.ReadAgendaRequest(from_time=stamp(since), to_time=stamp(since + days * DAY), **values)


class Week:
    """A seller's week with one customer."""

    def __init__(self, service, user, customer_id: str) -> None:
        self.service, self.user, self.customer_id = service, user, customer_id

    async def meet(self, start: dt.datetime, rule: str = "", **values) -> activity_pb2.Activity:
        fields = {"kind": activity_pb2.ACTIVITY_KIND_MEETING, "display_name": "会议", **values}
        made = activity_pb2.Activity(
            customer_id=self.customer_id, start_time=stamp(start), duration=Duration(seconds=3600), **fields
        )
        if rule:
            made.recurrence.CopyFrom(Recurrence(rule=rule))
        stub = self.service.stub(ActivitiesServiceStub, self.user)
        return await stub.CreateActivity(activity_rpc.CreateActivityRequest(activity=made))

    async def set_task(self, due: dt.datetime, **values) -> task_pb2.Task:
        task = task_pb2.Task(display_name="回访", customer_id=self.customer_id, due_time=stamp(due), **values)
        stub = self.service.stub(TasksServiceStub, self.user)
        return await stub.CreateTask(task_rpc.CreateTaskRequest(task=task))

    async def remember(self, day: Date, kind: int) -> care_date_pb2.CareDate:
        made = care_date_pb2.CareDate(customer_id=self.customer_id, kind=kind, display_name="日子", date=day)
        stub = self.service.stub(CareDatesServiceStub, self.user)
        return await stub.CreateCareDate(care_rpc.CreateCareDateRequest(care_date=made))

    async def read(self, request: pb.ReadAgendaRequest, by=None) -> list[pb.AgendaEntry]:
        stub = self.service.stub(AgendasServiceStub, by or self.user)
        return list((await stub.ReadAgenda(request)).entries)


async def week(service, make_customer, grants=ALL) -> Week:
    user = await service.add_user(grants, "/hq/e/sh/")
    return Week(service, user, (await make_customer(by=user)).id)


def starts(entries: list[pb.AgendaEntry]) -> list[float]:
    return [(each.start_time.seconds - MONDAY.timestamp()) / 86400 for each in entries]


class TestCalendars:
    async def test_needs_a_caller(self, service, failure):
        call = service.stub(AgendasServiceStub, None).ReadAgenda(ask())
        assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_everything_of_a_user_in_its_order(self, service, make_customer):
        mine = await week(service, make_customer)
        await mine.meet(MONDAY, "FREQ=DAILY;COUNT=2")
        await mine.set_task(MONDAY + 2 * DAY, recurrence_rule="FREQ=DAILY;COUNT=3")
        await mine.meet(MONDAY + 7 * DAY)  # after the window
        await mine.remember(Date(year=2100, month=3, day=6), care_date_pb2.CARE_DATE_KIND_POLICY_END)
        await mine.remember(Date(year=1988, month=3, day=7), care_date_pb2.CARE_DATE_KIND_BIRTHDAY)
        found = await mine.read(ask())
        assert [each.resource for each in found] == [1, 1, 2, 2, 2, 3, 3]
        assert starts(found)[:5] == [0, 1, 2, 3, 4]
        assert [(each.date.month, each.date.day) for each in found[5:]] == [(3, 6), (3, 7)]
        assert [each.HasField("occurrence_time") for each in found] == [True] * 5 + [False] * 2
        assert await mine.read(ask(customer_id=mine.customer_id)) == found
        assert await mine.read(ask(user_id=mine.user.subject)) == found

    async def test_a_leap_birthday_in_a_common_year(self, service, make_customer):
        mine = await week(service, make_customer)
        await mine.remember(Date(year=1988, month=2, day=29), care_date_pb2.CARE_DATE_KIND_BIRTHDAY)
        found = await mine.read(ask(dt.datetime(2099, 2, 20, tzinfo=dt.UTC), 20))
        assert [(each.date.month, each.date.day) for each in found] == [(2, 28)]

    async def test_overlapping_meetings_warn(self, service, make_customer):
        mine = await week(service, make_customer)
        first = await mine.meet(MONDAY)
        second = await mine.meet(MONDAY + HOUR / 2)
        third = await mine.meet(MONDAY + 3 * HOUR / 2)
        await mine.meet(MONDAY, kind=activity_pb2.ACTIVITY_KIND_EMAIL)
        found = {each.id: list(each.conflict_ids) for each in await mine.read(ask())}
        assert (found[first.id], found[third.id]) == ([second.id], [])

    async def test_what_began_before_and_lasts(self, service, make_customer):
        mine = await week(service, make_customer)
        made = await mine.meet(MONDAY)
        assert [each.id for each in await mine.read(ask(MONDAY + HOUR / 2))] == [made.id]
        assert await mine.read(ask(MONDAY + HOUR)) == []

    async def test_only_what_the_caller_may_read(self, service, make_customer, failure):
        mine = await week(service, make_customer)
        await mine.meet(MONDAY)
        await mine.set_task(MONDAY)
        stranger = await service.add_user(ALL, "/hq/w/")
        assert await mine.read(ask(user_id=mine.user.subject), stranger) == []
        error = await failure(mine.read(ask(customer_id=mine.customer_id), stranger))
        assert error.kind is Kind.NOT_FOUND
        few = await service.add_user(
            {"activities.read": "branch"}, "/hq/e/sh/", masked=("activity.display_name",)
        )
        (seen,) = await mine.read(ask(user_id=mine.user.subject), few)
        assert (seen.resource, seen.display_name) == (pb.AGENDA_RESOURCE_ACTIVITY, "")
        day = Date(year=2100, month=3, day=6)
        await mine.remember(day, care_date_pb2.CARE_DATE_KIND_POLICY_END)
        veiled = await service.add_user(
            {"activities.read": "branch", "care_dates.read": "branch"}, "/hq/e/sh/", masked=("personal",)
        )
        shown = await mine.read(ask(user_id=mine.user.subject), veiled)
        assert [each.resource for each in shown] == [pb.AGENDA_RESOURCE_ACTIVITY]

    async def test_refuses_a_window_that_is_none(self, service, make_customer, failure):
        mine = await week(service, make_customer)
        for request, name in (
            (ask(days=0), "to_time"),
            (ask(days=63), "to_time"),
            (ask(time_zone="Mars"), "time_zone"),
        ):
            assert [v.field for v in (await failure(mine.read(request))).violations] == [name]


class TestWindow:
    def test_days_touched_by_it(self):
        zone = ZoneInfo("Asia/Shanghai")
        window = Window(MONDAY, MONDAY + DAY, zone)
        assert window.days() == [dt.date(2100, 3, 1), dt.date(2100, 3, 2)]
        midnight = window.midnight(dt.date(2100, 3, 1))
        assert Window(midnight, midnight + DAY, zone).days() == [dt.date(2100, 3, 1)]
