"""Plans of a day, week or month, handed in as reports and read by managers."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from hypothesis import given, settings
from hypothesis import strategies as st

from taproot.customer.v1 import activity_pb2, task_pb2
from taproot.customer.v1 import activity_service_pb2 as activity_rpc
from taproot.customer.v1 import task_service_pb2 as task_rpc
from taproot.customer.v1 import work_plan_pb2 as pb
from taproot.customer.v1 import work_plan_service_pb2 as rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.task_service_pb2_grpc import TasksServiceStub
from taproot.customer.v1.work_plan_service_pb2_grpc import WorkPlansServiceStub
from taproot_base import wire
from taproot_base.errors import AppError, Kind
from taproot_customer.work_plans.model import DAY, MONTH, MOST_COMMENTS, WEEK, span_of

WEDNESDAY = Date(year=2026, month=3, day=4)
NOON = dt.datetime(2026, 3, 4, 4, tzinfo=dt.UTC)  # in Shanghai
MINE = {f"{name}.*": "own" for name in ("work_plans", "customers", "activities", "tasks")}


class TestSpans:
    @given(
        st.dates(min_value=dt.date(1, 1, 8), max_value=dt.date(9999, 11, 1)),
        st.sampled_from([DAY, WEEK, MONTH]),
    )
    @settings(max_examples=100, deadline=None)
    def test_every_day_is_in_one_period(self, day, period):
        first, last = span_of(period, day)
        assert first <= day <= last
        assert {span_of(period, one) for one in (first, last)} == {(first, last)}
        assert span_of(period, last + dt.timedelta(days=1))[0] == last + dt.timedelta(days=1)

    def test_weeks_begin_on_monday(self):
        assert span_of(WEEK, dt.date(2026, 3, 4)) == (dt.date(2026, 3, 2), dt.date(2026, 3, 8))
        assert span_of(MONTH, dt.date(2028, 2, 29)) == (dt.date(2028, 2, 1), dt.date(2028, 2, 29))


class Desk:
    """A seller and the manager of the branch."""

    def __init__(self, service, seller, manager) -> None:
        self.service, self.seller = service, seller
        self.own = service.stub(WorkPlansServiceStub, seller)
        self.manager = service.stub(WorkPlansServiceStub, manager)
        self.manager_id = manager.subject

    async def begin(self, period: int = pb.WORK_PERIOD_WEEK, day: Date = WEDNESDAY, **values) -> pb.WorkPlan:
        plan = pb.WorkPlan(period=period, start_date=day, **values)
        return await self.own.CreateWorkPlan(rpc.CreateWorkPlanRequest(work_plan=plan))

    async def hand_in(self, plan: pb.WorkPlan, report: str = "三家已签") -> pb.WorkPlan:
        await self.write(plan, report=report)
        return await self.own.SubmitWorkPlan(rpc.SubmitWorkPlanRequest(id=plan.id))

    async def write(self, of: pb.WorkPlan, stub=None, **values) -> pb.WorkPlan:
        changed = pb.WorkPlan(id=of.id, **values)
        request = rpc.UpdateWorkPlanRequest(work_plan=changed, update_mask=FieldMask(paths=list(values)))
        return await (stub or self.own).UpdateWorkPlan(request)

    async def reviewed(self, plan: pb.WorkPlan, comment: str = "") -> pb.WorkPlan:
        return await self.manager.ReviewWorkPlan(rpc.ReviewWorkPlanRequest(id=plan.id, comment=comment))


@pytest.fixture
async def desk(service) -> Desk:
    seller = await service.add_user(MINE, "/hq/e/sh/")
    manager = await service.add_user({"work_plans.*": "branch_and_below"}, "/hq/e/sh/")
    return Desk(service, seller, manager)


async def test_a_week_from_plan_to_review(desk, make_customer):
    customer = (await make_customer(by=desk.seller)).id
    plan = await desk.begin(plan="签下三家", items=[pb.WorkPlanItem(text="拜访海尔", customer_id=customer)])
    assert (plan.start_date.day, plan.end_date.day, plan.state) == (2, 8, pb.WORK_PLAN_STATE_DRAFT)
    done = [pb.WorkPlanItem(text="拜访海尔", customer_id=customer, done=True, result="已签约")]
    await desk.write(plan, items=done)
    handed = await desk.hand_in(plan)
    assert handed.state == pb.WORK_PLAN_STATE_SUBMITTED
    assert list(handed.items) == done
    read = await desk.reviewed(plan, "很好")
    assert (read.state, read.reviewer_id) == (pb.WORK_PLAN_STATE_REVIEWED, desk.manager_id)
    assert [(one.author_id, one.text) for one in read.comments] == [(desk.manager_id, "很好")]
    assert read.comments[0].create_time == read.review_time


async def test_the_figures_are_of_the_period_in_the_owners_zone(desk, service, make_customer):
    customer = (await make_customer(by=desk.seller)).id
    activities = service.stub(ActivitiesServiceStub, desk.seller)
    tasks = service.stub(TasksServiceStub, desk.seller)

    async def act(kind: str, start: dt.datetime) -> None:
        made = activity_pb2.Activity(
            kind=activity_pb2.ActivityKind.Value(f"ACTIVITY_KIND_{kind}"),
            display_name="联系",
            customer_id=customer,
            start_time=wire.to_timestamp(start),
        )
        await activities.CreateActivity(activity_rpc.CreateActivityRequest(activity=made))

    async def promise(due: dt.datetime) -> None:
        made = task_pb2.Task(display_name="报价", due_time=wire.to_timestamp(due))
        await tasks.CreateTask(task_rpc.CreateTaskRequest(task=made))

    midnight = dt.datetime(2026, 3, 3, 16, tzinfo=dt.UTC)
    for kind, start in (
        ("CALL", midnight), ("VISIT", NOON), ("VISIT", NOON), ("NOTE", NOON), ("CALL", midnight - dt.timedelta(seconds=1)),
    ):  # fmt: skip
        await act(kind, start)
    await promise(NOON)
    await promise(midnight + dt.timedelta(days=1))
    figures = (await desk.hand_in(await desk.begin(pb.WORK_PERIOD_DAY))).figures
    assert figures == pb.WorkFigures(calls=1, visits=2, customers_contacted=1, tasks_open=1)


async def test_two_at_once_begin_one(desk):
    found = await asyncio.gather(*(desk.begin() for _ in range(4)), return_exceptions=True)
    (made,) = [one for one in found if isinstance(one, pb.WorkPlan)]
    refused = [one for one in found if isinstance(one, AppError)]
    assert [(one.reason, one.metadata["work_plan_id"]) for one in refused] == [
        ("WORK_PLAN_EXISTS", made.id)
    ] * 3
    await desk.begin(pb.WORK_PERIOD_DAY)
    await desk.begin(pb.WORK_PERIOD_MONTH)


async def test_one_that_comes_back_finds_its_place_taken(desk, failure):
    first = await desk.begin()
    await desk.own.DeleteWorkPlan(rpc.DeleteWorkPlanRequest(id=first.id))
    second = await desk.begin()
    back = rpc.UndeleteWorkPlanRequest(id=first.id)
    assert (await failure(desk.own.UndeleteWorkPlan(back))).reason == "WORK_PLAN_EXISTS"
    await desk.own.DeleteWorkPlan(rpc.DeleteWorkPlanRequest(id=second.id))
    assert (await desk.own.UndeleteWorkPlan(back)).id == first.id


async def test_what_is_handed_in_rests_until_it_is_returned(desk, failure):
    plan = await desk.begin()
    submit = rpc.SubmitWorkPlanRequest(id=plan.id)
    assert [one.field for one in (await failure(desk.own.SubmitWorkPlan(submit))).violations] == [
        "work_plan.report"
    ]
    await desk.hand_in(plan)
    assert (await failure(desk.write(plan, plan="别的"))).reason == "WRONG_STATE"
    assert (await failure(desk.own.SubmitWorkPlan(submit))).reason == "WRONG_STATE"
    returned = await desk.manager.ReturnWorkPlan(rpc.ReturnWorkPlanRequest(id=plan.id, comment="缺数字"))
    assert returned.state == pb.WORK_PLAN_STATE_DRAFT
    assert (await failure(desk.reviewed(plan))).reason == "WRONG_STATE"
    assert (await desk.hand_in(plan, "三家，共 12 万")).state == pb.WORK_PLAN_STATE_SUBMITTED


async def test_owners_write_and_others_review(desk, failure):
    plan = await desk.begin()
    submit = desk.manager.SubmitWorkPlan(rpc.SubmitWorkPlanRequest(id=plan.id))
    for call in (desk.write(plan, desk.manager, plan="别的"), submit):
        assert (await failure(call)).kind is Kind.DENIED
    await desk.hand_in(plan)
    for call in (
        desk.own.ReviewWorkPlan(rpc.ReviewWorkPlanRequest(id=plan.id)),
        desk.own.ReturnWorkPlan(rpc.ReturnWorkPlanRequest(id=plan.id)),
    ):
        assert (await failure(call)).kind is Kind.DENIED


async def test_both_talk_about_it(desk, failure):
    plan = await desk.begin()
    for number, stub in enumerate((desk.manager, desk.own)):
        found = await stub.CommentWorkPlan(rpc.CommentWorkPlanRequest(id=plan.id, comment=f"第 {number} 句"))
    assert [one.text for one in found.comments] == ["第 0 句", "第 1 句"]
    assert {one.author_id for one in found.comments} == {desk.manager_id, desk.seller.subject}


async def test_comments_have_an_end(desk, failure):
    plan = await desk.begin()
    say = rpc.CommentWorkPlanRequest(id=plan.id, comment="好")
    for _ in range(MOST_COMMENTS):
        await desk.own.CommentWorkPlan(say)
    assert (await failure(desk.own.CommentWorkPlan(say))).reason == "TOO_MANY_COMMENTS"


async def test_a_plan_is_about_customers_its_owner_sees(desk, make_customer, failure):
    hidden, seen = (await make_customer()).id, (await make_customer(by=desk.seller)).id
    items = [pb.WorkPlanItem(text="拜访", customer_id=key) for key in (seen, hidden)]
    error = await failure(desk.begin(items=items))
    assert [one.field for one in error.violations] == ["work_plan.items[1].customer_id"]


async def test_nobody_else_sees_it(desk, service, failure):
    plan = await desk.begin()
    stranger = service.stub(WorkPlansServiceStub, await service.add_user(MINE, "/hq/e/sh/"))
    assert (await failure(stranger.GetWorkPlan(rpc.GetWorkPlanRequest(id=plan.id)))).kind is Kind.NOT_FOUND
    assert not (await stranger.ListWorkPlans(rpc.ListWorkPlansRequest())).work_plans


async def test_managers_see_who_has_handed_in(desk):
    await desk.hand_in(await desk.begin())
    await desk.begin(day=Date(year=2026, month=3, day=11))
    request = rpc.AggregateWorkPlansRequest(
        filter=f'owner_id = "{desk.seller.subject}" AND period = WEEK', group_by=["state"]
    )
    rows = (await desk.manager.AggregateWorkPlans(request)).rows
    assert sorted((row.keys[0], row.values[0]) for row in rows) == [("draft", "1"), ("submitted", "1")]
