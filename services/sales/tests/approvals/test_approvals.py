"""Approvals through their RPCs, on real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from taproot.sales.events.v1.approval_event_pb2 import ApprovalEvent
from taproot.sales.v1 import approval_pb2 as pb
from taproot.sales.v1 import approval_policy_service_pb2 as policy_rpc
from taproot.sales.v1 import approval_service_pb2 as rpc
from taproot.sales.v1 import order_pb2
from taproot.sales.v1.order_service_pb2 import ConfirmOrderRequest, GetOrderRequest, SubmitOrderRequest
from taproot_base.auth import Principal
from taproot_base.clock import FakeClock
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_sales.approvals.jobs import miss_deadlines
from taproot_testkit import Harness

ANY, ALL, ONE_BY_ONE = pb.APPROVAL_MODE_ANY_OF, pb.APPROVAL_MODE_PARALLEL, pb.APPROVAL_MODE_SEQUENTIAL
PENDING, APPROVED, REJECTED = (
    pb.APPROVAL_STATE_PENDING,
    pb.APPROVAL_STATE_APPROVED,
    pb.APPROVAL_STATE_REJECTED,
)


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 3, 2, 9, tzinfo=UTC))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sales(start_service: Any, clock: FakeClock) -> Harness:
    harness: Harness = await start_service("sales", clock=clock)
    return harness


async def approver(selling: Any, branch: str = "/hq/w/", **grants: str) -> Principal:
    user: Principal = await selling.service.add_user(
        {"approvals.decide": "own", "approvals.read": "own"} | grants, branch
    )
    return user


async def ask(selling: Any, *steps: pb.ApprovalStep, **values: Any) -> pb.Approval:
    approval = pb.Approval(subject_type="expense", subject_id=str(new_id()), steps=steps, **values)
    made: pb.Approval = await selling.approvals.CreateApproval(rpc.CreateApprovalRequest(approval=approval))
    return made


def step(mode: Any, *users: Principal, **values: Any) -> pb.ApprovalStep:
    return pb.ApprovalStep(mode=mode, approver_ids=[user.subject for user in users], **values)


async def say_yes(selling: Any, user: Principal, approval: pb.Approval, comment: str = "") -> pb.Approval:
    request = rpc.ApproveApprovalRequest(id=approval.id, comment=comment)
    done: pb.Approval = await selling.seen_by(user).approvals.ApproveApproval(request)
    return done


class TestSteps:
    async def test_any_of_is_decided_by_the_first(self, selling, failure):
        a, b = await approver(selling), await approver(selling)
        approval = await ask(selling, step(ANY, a, b))
        done = await say_yes(selling, b, approval, "gut")
        assert done.state == APPROVED
        assert [(s.decided_by_id, s.comment) for s in done.steps[0].seats] == [("", ""), (b.subject, "gut")]
        assert (await failure(say_yes(selling, a, approval))).reason == "WRONG_STATE"

    async def test_parallel_needs_everybody(self, selling):
        a, b = await approver(selling), await approver(selling)
        approval = await ask(selling, step(ALL, a, b))
        assert (await say_yes(selling, b, approval)).state == PENDING
        assert (await say_yes(selling, a, approval)).state == APPROVED

    async def test_sequential_keeps_the_order(self, selling, failure):
        a, b = await approver(selling), await approver(selling)
        approval = await ask(selling, step(ONE_BY_ONE, a, b))
        early = await failure(say_yes(selling, b, approval))
        assert (early.kind, early.reason) == (Kind.DENIED, "NOT_AN_APPROVER")
        await say_yes(selling, a, approval)
        assert (await say_yes(selling, b, approval)).state == APPROVED

    async def test_steps_follow_one_another_and_one_refusal_ends_all(self, selling, failure):
        a, b = await approver(selling), await approver(selling)
        approval = await ask(selling, step(ANY, a), step(ANY, b))
        assert (await failure(say_yes(selling, b, approval))).reason == "NOT_AN_APPROVER"
        assert (await say_yes(selling, a, approval)).current_step == 2
        reject = rpc.RejectApprovalRequest(id=approval.id, comment="nein")
        done = await selling.seen_by(b).approvals.RejectApproval(reject)
        assert (done.state, done.current_step) == (REJECTED, 0)

    async def test_of_parallel_decisions_on_one_seat_exactly_one_counts(self, selling):
        a = await approver(selling)
        approval = await ask(selling, step(ANY, a), step(ANY, a))
        results = await asyncio.gather(*(say_yes(selling, a, approval) for _ in range(2)))
        assert sorted(r.current_step for r in results) == [0, 2]
        third = await asyncio.gather(say_yes(selling, a, approval), return_exceptions=True)
        assert [r.reason for r in third] == ["WRONG_STATE"]

    async def test_events_say_who_is_waited_for(self, selling):
        a, b = await approver(selling), await approver(selling)
        approval = await ask(selling, step(ONE_BY_ONE, a, b))
        await say_yes(selling, a, approval)
        await say_yes(selling, b, approval)
        found = [
            e for e in await selling.service.events(3, of="approval.*") if str(e.aggregate_id) == approval.id
        ]
        told = [(e.name, list(e.decode(ApprovalEvent).waiting_for_ids)) for e in found]
        assert told == [("requested", [a.subject]), ("seat_approved", [b.subject]), ("approved", [])]


class TestWho:
    async def test_a_seat_lets_in_and_nobody_else_sees_it(self, selling, failure):
        a, stranger = await approver(selling), await approver(selling)
        approval = await ask(selling, step(ANY, a))
        read = rpc.GetApprovalRequest(id=approval.id)
        assert (await selling.seen_by(a).approvals.GetApproval(read)).id == approval.id
        assert (await failure(selling.seen_by(stranger).approvals.GetApproval(read))).kind is Kind.NOT_FOUND
        assert (await failure(say_yes(selling, stranger, approval))).kind is Kind.NOT_FOUND

    async def test_holders_of_a_permission_decide_within_their_reach(self, selling, failure):
        near = await approver(selling, "/hq/", **{"expenses.approve": "branch"})
        far = await approver(selling, "/hq/w/", **{"expenses.approve": "branch"})
        without = await approver(selling, "/hq/")
        approval = await ask(selling, pb.ApprovalStep(permission="expenses.approve"))
        for user in (far, without):
            assert (await failure(say_yes(selling, user, approval))).kind is Kind.NOT_FOUND
        pending = await selling.seen_by(near).approvals.FindPendingApprovals(
            rpc.FindPendingApprovalsRequest()
        )
        assert approval.id in {p.id for p in pending.approvals}
        assert (await say_yes(selling, near, approval)).state == APPROVED
        after = await selling.seen_by(near).approvals.FindPendingApprovals(rpc.FindPendingApprovalsRequest())
        assert approval.id not in {p.id for p in after.approvals}

    async def test_nobody_decides_by_permission_on_what_they_asked_for(self, selling, failure):
        approval = await ask(selling, pb.ApprovalStep(permission="expenses.approve"))
        assert (await failure(say_yes(selling, selling.who, approval))).reason == "NOT_AN_APPROVER"

    async def test_a_delegate_takes_the_seat(self, selling, failure):
        a, b = await approver(selling), await approver(selling)
        approval = await ask(selling, step(ANY, a))
        mine = selling.seen_by(a).approvals
        back = rpc.DelegateApprovalRequest(id=approval.id, approver_id=a.subject)
        assert [v.field for v in (await failure(mine.DelegateApproval(back))).violations] == ["approver_id"]
        unknown = rpc.DelegateApprovalRequest(id=approval.id, approver_id=str(new_id()))
        assert [v.field for v in (await failure(mine.DelegateApproval(unknown))).violations] == [
            "approver_id"
        ]
        given = await mine.DelegateApproval(
            rpc.DelegateApprovalRequest(id=approval.id, approver_id=b.subject)
        )
        [seat] = given.steps[0].seats
        assert (seat.approver_id, seat.delegated_from_id) == (b.subject, a.subject)
        assert (await failure(say_yes(selling, a, approval))).reason == "NOT_AN_APPROVER"
        assert (await say_yes(selling, b, approval)).state == APPROVED

    async def test_only_the_requester_recalls(self, selling, failure):
        a = await approver(selling, **{"approvals.create": "own"})
        approval = await ask(selling, step(ANY, a))
        request = rpc.RecallApprovalRequest(id=approval.id)
        error = await failure(selling.seen_by(a).approvals.RecallApproval(request))
        assert error.reason == "NOT_THE_REQUESTER"
        assert (await selling.approvals.RecallApproval(request)).state == pb.APPROVAL_STATE_RECALLED

    async def test_one_open_approval_per_subject(self, selling, failure):
        a = await approver(selling)
        first = await ask(selling, step(ANY, a))
        second = pb.Approval(subject_type="expense", subject_id=first.subject_id, steps=[step(ANY, a)])
        error = await failure(selling.approvals.CreateApproval(rpc.CreateApprovalRequest(approval=second)))
        assert (error.kind, error.reason) == (Kind.EXISTS, "APPROVAL_PENDING")


class TestDeadlines:
    async def test_reminds_once(self, selling, clock):
        a = await approver(selling)
        approval = await ask(selling, step(ANY, a, deadline_hours=8))
        assert approval.deadline_time.ToDatetime(UTC) == clock.now() + timedelta(hours=8)
        clock.advance(timedelta(hours=9))
        with selling.service.system_call():
            assert await miss_deadlines(selling.service.runtime.database) == 1
            assert await miss_deadlines(selling.service.runtime.database) == 0
        assert (await say_yes(selling, a, approval)).state == APPROVED

    async def test_expires_where_the_step_says_so(self, selling, clock):
        a = await approver(selling)
        action = pb.DEADLINE_ACTION_EXPIRE
        approval = await ask(selling, step(ANY, a, deadline_hours=1, deadline_action=action))
        clock.advance(timedelta(hours=2))
        with selling.service.system_call():
            await miss_deadlines(selling.service.runtime.database)
        read = await selling.approvals.GetApproval(rpc.GetApprovalRequest(id=approval.id))
        assert read.state == pb.APPROVAL_STATE_EXPIRED


class TestPolicies:
    async def test_a_step_names_one_kind_of_approver(self, selling, failure):
        steps = [pb.ApprovalStep(permission="a.b", role_id=str(new_id())), pb.ApprovalStep()]
        policy = pb.ApprovalPolicy(subject_type="order", display_name="x", steps=steps)
        call = selling.policies.CreateApprovalPolicy(
            policy_rpc.CreateApprovalPolicyRequest(approval_policy=policy)
        )
        assert [v.field for v in (await failure(call)).violations] == [
            "approval_policy.steps[0]",
            "approval_policy.steps[1]",
        ]

    async def test_an_order_waits_for_its_approval(self, selling, failure, new_line):
        a = await approver(selling)
        policy = pb.ApprovalPolicy(
            subject_type="order",
            display_name="Große Aufträge",
            max_total={"currency_code": "CNY", "amount": "1000"},
            steps=[step(ANY, a)],
        )
        request = policy_rpc.CreateApprovalPolicyRequest(approval_policy=policy)
        policy = await selling.policies.CreateApprovalPolicy(request)
        order = await selling.order(await selling.customer(), new_line("1", "1000.01"))
        placed = await selling.orders.SubmitOrder(SubmitOrderRequest(id=order.id))
        error = await failure(selling.orders.ConfirmOrder(ConfirmOrderRequest(id=order.id)))
        assert (error.reason, error.metadata["approval_id"]) == ("APPROVAL_PENDING", placed.approval_id)
        await say_yes(selling, a, pb.Approval(id=placed.approval_id))
        confirmed = await selling.orders.ConfirmOrder(ConfirmOrderRequest(id=order.id))
        assert confirmed.state == order_pb2.ORDER_STATE_CONFIRMED
        again = await selling.order(await selling.customer(), new_line("1", "2000"))
        placed = await selling.orders.SubmitOrder(SubmitOrderRequest(id=again.id))
        reject = rpc.RejectApprovalRequest(id=placed.approval_id)
        await selling.seen_by(a).approvals.RejectApproval(reject)
        read = await selling.orders.GetOrder(GetOrderRequest(id=again.id))
        assert (read.state, read.approval_id) == (order_pb2.ORDER_STATE_DRAFT, "")
        await selling.policies.DeleteApprovalPolicy(policy_rpc.DeleteApprovalPolicyRequest(id=policy.id))
        listed = await selling.policies.ListApprovalPolicies(policy_rpc.ListApprovalPoliciesRequest())
        assert policy.id not in {p.id for p in listed.approval_policies}

    async def test_lists_and_counts(self, selling):
        a = await approver(selling)
        approval = await ask(selling, step(ANY, a), display_name="Reise")
        asked = rpc.ListApprovalsRequest(filter='state = PENDING AND display_name = "Reise"')
        listed = await selling.seen_by(a).approvals.ListApprovals(asked)
        assert [x.id for x in listed.approvals] == [approval.id]
        rows = (
            await selling.approvals.AggregateApprovals(rpc.AggregateApprovalsRequest(group_by=["state"]))
        ).rows
        assert "pending" in {row.keys[0] for row in rows}
