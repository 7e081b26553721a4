"""Calls: who is calling, and the log."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest_asyncio
from google.type.date_pb2 import Date

from taproot.servicedesk.events.v1.call_event_pb2 import CallEvent
from taproot.servicedesk.v1 import call_pb2 as pb
from taproot.servicedesk.v1 import call_service_pb2 as rpc
from taproot.servicedesk.v1 import entitlement_pb2
from taproot.servicedesk.v1.call_service_pb2_grpc import CallsServiceStub
from taproot.servicedesk.v1.entitlement_service_pb2 import CreateEntitlementRequest
from taproot.servicedesk.v1.entitlement_service_pb2_grpc import EntitlementsServiceStub
from taproot.servicedesk.v1.ticket_verb_pb2 import ResolveTicketRequest
from taproot_base.errors import AppError
from taproot_base.ids import new_id
from taproot_servicedesk.calls import queries
from taproot_testkit import Caller

NUMBERS = iter(range(13900000000, 13900009999))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def calls(desk, admin) -> Caller:
    return desk.stub(CallsServiceStub, admin)


def number() -> str:
    return str(next(NUMBERS))


async def identify(stub: Caller, phone: str) -> list[pb.CallerCandidate]:
    return list((await stub.IdentifyCaller(rpc.IdentifyCallerRequest(phone=phone))).candidates)


class TestIdentifyCaller:
    async def test_tells_who_with_everything_an_agent_needs(
        self, desk, admin, calls, opened, tickets, known_customer, clock
    ):
        phone = number()
        customer = await known_customer("李雷", phone, value_class="A", key_account=True)
        ticket = await opened("broken", customer_id=customer)
        done = await opened("done", customer_id=customer, resolution="ok")
        await tickets.ResolveTicket(ResolveTicketRequest(id=done.id))
        end = (clock.now() + timedelta(days=20)).date()
        await desk.stub(EntitlementsServiceStub, admin).CreateEntitlement(
            CreateEntitlementRequest(
                entitlement=entitlement_pb2.Entitlement(
                    kind=1,
                    customer_id=customer,
                    product_code="NET",
                    quantity="2.5",
                    end_date=Date(year=end.year, month=end.month, day=end.day),
                )
            )
        )
        call = await calls.CreateCall(rpc.CreateCallRequest(call=pb.Call(phone=phone)))
        assert call.customer_id == customer
        [found] = await identify(calls, f"+86 {phone[:3]} {phone[3:]}")
        assert (found.customer_id, found.display_name, found.value_class) == (customer, "李雷", "A")
        assert [t.id for t in found.open_tickets] == [ticket.id]
        assert found.open_tickets[0].HasField("due_time")
        [right] = found.entitlements
        assert (right.product_code, right.quantity, right.expiring) == ("NET", "2.5", True)
        assert [c.id for c in found.last_calls] == [call.id]

    async def test_unknown_and_deleted_are_nobody(self, calls, known_customer):
        assert await identify(calls, number()) == []
        phone = number()
        key = await known_customer("gone", phone)
        deleted = {"key": key, "event": "deleted"}
        from google.protobuf.timestamp_pb2 import Timestamp

        await known_customer("gone", phone, **deleted, delete_time=Timestamp(seconds=1))
        assert await identify(calls, phone) == []

    async def test_a_shared_number_has_the_best_customer_first(self, calls, known_customer):
        phone = number()
        plain, best, good = (
            await known_customer("c", phone),
            await known_customer("a", phone, key_account=True),
            await known_customer("b", phone, value_class="A"),
        )
        assert [c.customer_id for c in await identify(calls, phone)] == [best, good, plain]

    async def test_shows_only_what_the_agent_may_see(self, desk, opened, known_customer):
        phone = number()
        customer = await known_customer("x", phone, branch="/hq/w/")
        await opened("elsewhere", customer_id=customer)
        local = await desk.add_user({"calls.*": "branch", "customers.read": "branch", "tickets.read": "own"})
        assert await identify(desk.stub(CallsServiceStub, local), phone) == []
        wide = await desk.add_user({"calls.*": "branch", "customers.read": "all", "tickets.read": "own"})
        [found] = await identify(desk.stub(CallsServiceStub, wide), phone)
        assert (found.customer_id, len(found.open_tickets)) == (customer, 0)

    async def test_is_one_read(self, desk, admin):
        with desk.calling(admin, "calls.identify"):
            async with desk.runtime.database.reading() as reader:
                await queries.identify(reader, "+8613900000000", desk.runtime.clock.now().date(), 5)
                assert reader.statement_count == 1


class TestLog:
    async def test_a_call_from_ring_to_end(self, calls, clock, events_of, failure):
        call = await calls.CreateCall(rpc.CreateCallRequest(call=pb.Call(phone="010-62345678")))
        assert (call.phone, call.state) == ("+861062345678", pb.CALL_STATE_RINGING)
        clock.advance(timedelta(seconds=12))
        answered = await calls.AnswerCall(rpc.AnswerCallRequest(id=call.id))
        assert (answered.wait_seconds, answered.state) == (12, pb.CALL_STATE_ANSWERED)
        clock.advance(timedelta(seconds=90))
        ended = await calls.EndCall(
            rpc.EndCallRequest(id=call.id, outcome="solved", recording_uri="s3://r/1")
        )
        assert (ended.talk_seconds, ended.state, ended.outcome) == (90, pb.CALL_STATE_ENDED, "solved")
        assert (await failure(calls.EndCall(rpc.EndCallRequest(id=call.id)))).reason == "WRONG_STATE"
        types = [kind for kind, _ in await events_of(call.id, CallEvent)]
        assert types == ["call.started", "call.answered", "call.ended"]

    async def test_nobody_answered(self, calls, clock):
        call = await calls.CreateCall(rpc.CreateCallRequest(call=pb.Call(phone=number())))
        clock.advance(timedelta(seconds=40))
        ended = await calls.EndCall(rpc.EndCallRequest(id=call.id))
        assert (ended.state, ended.wait_seconds, ended.talk_seconds) == (pb.CALL_STATE_ABANDONED, 40, 0)

    async def test_the_telephone_system_repeats_itself(self, calls):
        request = rpc.CreateCallRequest(call=pb.Call(phone=number(), external_id=f"cti:{new_id()}"))
        results = await asyncio.gather(*(calls.CreateCall(request) for _ in range(4)), return_exceptions=True)
        assert sum(isinstance(result, pb.Call) for result in results) == 1
        assert {r.reason for r in results if isinstance(r, AppError)} == {"CALL_EXISTS"}

    async def test_queue_statistics(self, desk, calls, clock):
        queue = str(new_id())
        for seconds in (10, 20):
            call = await calls.CreateCall(rpc.CreateCallRequest(call=pb.Call(phone=number(), queue_id=queue)))
            clock.advance(timedelta(seconds=seconds))
            await calls.AnswerCall(rpc.AnswerCallRequest(id=call.id))
        found = await calls.AggregateCalls(
            rpc.AggregateCallsRequest(
                filter=f'queue_id = "{queue}"',
                group_by=["queue_id", "state"],
                measures=["count()", "avg(wait_seconds)", "max(wait_seconds)"],
            )
        )
        [row] = found.rows
        assert (list(row.keys), float(row.values[1])) == ([queue, "answered"], 15.0)


async def test_all_that_is_wrong_with_a_call_is_told_at_once(calls, failure, clock):
    call = pb.Call(owner_id=str(new_id()), branch_id=str(new_id()))
    call.start_time.FromDatetime(clock.now())
    call.end_time.FromDatetime(clock.now() - timedelta(hours=1))
    error = await failure(calls.CreateCall(rpc.CreateCallRequest(call=call)))
    assert {v.field for v in error.violations} == {"call.phone", "call.end_time", "owner_id", "branch_id"}
