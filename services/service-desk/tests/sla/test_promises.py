"""Promises kept and broken: each alarm once, whoever looks and however often."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from google.type.dayofweek_pb2 import FRIDAY, MONDAY, THURSDAY, TUESDAY, WEDNESDAY

from taproot.servicedesk.events.v1.sla_event_pb2 import SlaEvent
from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot.servicedesk.v1 import calendar_pb2, calendar_service_pb2, sla_clock_pb2, sla_policy_pb2
from taproot.servicedesk.v1 import sla_clock_service_pb2 as clock_rpc
from taproot.servicedesk.v1 import sla_policy_service_pb2 as policy_rpc
from taproot.servicedesk.v1 import ticket_pb2 as pb
from taproot.servicedesk.v1 import ticket_verb_pb2 as verbs
from taproot.servicedesk.v1.calendar_service_pb2_grpc import CalendarsServiceStub
from taproot.servicedesk.v1.sla_clock_service_pb2_grpc import SlaClocksServiceStub
from taproot.servicedesk.v1.sla_policy_service_pb2_grpc import SlaPoliciesServiceStub
from taproot.servicedesk.v1.ticket_service_pb2 import GetTicketRequest, UpdateTicketRequest
from taproot_servicedesk.seeds import COMPLAINT_POLICY, SEEDS, lay_seeds
from taproot_servicedesk.tickets.handlers import settle_due_tickets
from taproot_testkit import Caller

FIRST, NEXT, LAST = (
    sla_clock_pb2.SLA_METRIC_FIRST_RESPONSE,
    sla_clock_pb2.SLA_METRIC_NEXT_RESPONSE,
    sla_clock_pb2.SLA_METRIC_RESOLUTION,
)
RUNNING, PAUSED, STOPPED = (sla_clock_pb2.SLA_CLOCK_STATE_RUNNING, sla_clock_pb2.SLA_CLOCK_STATE_PAUSED, 3)
COMPLAINT = pb.TICKET_KIND_COMPLAINT
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clocks(desk, admin) -> Caller:
    return desk.stub(SlaClocksServiceStub, admin)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def policies(desk, admin) -> Caller:
    return desk.stub(SlaPoliciesServiceStub, admin)


async def tick(desk) -> int:
    with desk.system_call():
        return await settle_due_tickets(desk.runtime.database)


async def clocks_of(clocks: Caller, ticket: str) -> dict[int, sla_clock_pb2.SlaClock]:
    page = await clocks.ListSlaClocks(clock_rpc.ListSlaClocksRequest(filter=f'ticket_id = "{ticket}"'))
    return {clock.metric: clock for clock in page.sla_clocks}


async def policy(policies: Caller, **values: Any) -> sla_policy_pb2.SlaPolicy:
    targets = values.pop("targets")
    return await policies.CreateSlaPolicy(
        policy_rpc.CreateSlaPolicyRequest(
            sla_policy=sla_policy_pb2.SlaPolicy(
                display_name="p", targets=[sla_policy_pb2.SlaTarget(**target) for target in targets], **values
            )
        )
    )


class TestEveryComplaintIsAnsweredWithin24Hours:
    async def test_an_unanswered_one_warns_breaches_and_escalates_once_each(
        self, desk, clock, clocks, opened, tickets, events_of
    ):
        ticket = await opened("bad service", kind=COMPLAINT)
        first = (await clocks_of(clocks, ticket.id))[FIRST]
        assert first.sla_policy_id == str(COMPLAINT_POLICY)
        assert first.due_time.ToDatetime(tzinfo=UTC) == clock.now() + 24 * HOUR
        clock.advance(19 * HOUR)
        await tick(desk)
        assert [t for t, _ in await events_of(first.id, SlaEvent)] == []
        clock.advance(timedelta(minutes=12))
        await asyncio.gather(*(tick(desk) for _ in range(4)))
        assert [t for t, _ in await events_of(first.id, SlaEvent)] == ["sla.warning"]
        clock.advance(10 * HOUR)
        await asyncio.gather(*(tick(desk) for _ in range(4)))
        raised = await events_of(first.id, SlaEvent)
        assert [t for t, _ in raised] == ["sla.warning", "sla.breached"]
        assert raised[1][1].ticket.id == ticket.id
        found = await tickets.GetTicket(GetTicketRequest(id=ticket.id))
        assert (found.escalation_level, found.priority) == (1, pb.TICKET_PRIORITY_HIGH)
        clock.advance(30 * HOUR)
        await tick(desk)
        assert await tick(desk) == 0
        escalated = [e for t, e in await events_of(ticket.id, TicketEvent) if t == "ticket.escalated"]
        assert [e.escalation.level for e in escalated] == [1, 2]
        assert {e.escalation.sla_clock_id for e in escalated} == {first.id}
        assert escalated[-1].ticket.priority == pb.TICKET_PRIORITY_CRITICAL

    async def test_one_answered_in_time_stays_quiet(self, desk, clock, clocks, opened, tickets, events_of):
        ticket = await opened("slow", kind=COMPLAINT)
        clock.advance(10 * HOUR)
        await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="sorry"))
        first = (await clocks_of(clocks, ticket.id))[FIRST]
        assert (first.state, first.breached, first.elapsed_seconds) == (STOPPED, False, 36_000)
        clock.advance(40 * HOUR)
        await tick(desk)
        assert await events_of(first.id, SlaEvent) == []

    async def test_a_late_answer_is_announced_even_when_no_job_has_run(
        self, clock, clocks, opened, tickets, events_of
    ):
        ticket = await opened("late", kind=COMPLAINT)
        clock.advance(25 * HOUR)
        await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="sorry"))
        first = (await clocks_of(clocks, ticket.id))[FIRST]
        assert [t for t, _ in await events_of(first.id, SlaEvent)] == ["sla.warning", "sla.breached"]
        assert (first.state, first.breached) == (STOPPED, True)


class TestClocks:
    async def test_waiting_pauses_and_the_customers_answer_resumes(self, clock, clocks, opened, tickets):
        ticket = await opened("question")
        due = (await clocks_of(clocks, ticket.id))[LAST].due_time.ToDatetime(tzinfo=UTC)
        await tickets.WaitTicket(verbs.WaitTicketRequest(id=ticket.id, question="?"))
        paused = (await clocks_of(clocks, ticket.id))[LAST]
        assert (paused.state, paused.HasField("due_time")) == (PAUSED, False)
        clock.advance(50 * HOUR)
        await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="!", from_customer=True))
        found = await clocks_of(clocks, ticket.id)
        assert found[LAST].due_time.ToDatetime(tzinfo=UTC) == due + 50 * HOUR
        assert found[NEXT].state == RUNNING
        await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="thanks"))
        assert (await clocks_of(clocks, ticket.id))[NEXT].state == STOPPED

    async def test_a_reopened_ticket_goes_on_with_the_time_used(self, clock, clocks, opened, tickets):
        ticket = await opened("again", resolution="ok")
        clock.advance(5 * HOUR)
        await tickets.ResolveTicket(verbs.ResolveTicketRequest(id=ticket.id))
        assert (await clocks_of(clocks, ticket.id))[LAST].elapsed_seconds == 5 * 3600
        clock.advance(5 * HOUR)
        await tickets.ReopenTicket(verbs.ReopenTicketRequest(id=ticket.id, reason="no"))
        running = (await clocks_of(clocks, ticket.id))[LAST]
        assert running.due_time.ToDatetime(tzinfo=UTC) == clock.now() + 163 * HOUR

    async def test_another_priority_promises_anew(self, clock, clocks, opened, tickets, policies):
        target = {"metric": LAST, "target_seconds": 7200}
        await policy(policies, rank=1, priorities=[pb.TICKET_PRIORITY_CRITICAL], targets=[target])
        ticket = await opened("slow")
        clock.advance(HOUR)
        change = pb.Ticket(id=ticket.id, priority=pb.TICKET_PRIORITY_CRITICAL)
        await tickets.UpdateTicket(UpdateTicketRequest(ticket=change))
        assert (await clocks_of(clocks, ticket.id))[LAST].due_time.ToDatetime(
            tzinfo=UTC
        ) == clock.now() + HOUR

    async def test_counts_business_time_over_a_clock_change(
        self, desk, admin, clock, clocks, opened, policies
    ):
        calendars = desk.stub(CalendarsServiceStub, admin)
        week = [
            calendar_pb2.OpeningHours(day=day, start="09:00", end="17:00")
            for day in (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
        ]
        office = await calendars.CreateCalendar(
            calendar_service_pb2.CreateCalendarRequest(
                calendar=calendar_pb2.Calendar(
                    display_name="Berlin", time_zone="Europe/Berlin", opening_hours=week, holiday_country="DE"
                )
            )
        )
        target = {"metric": FIRST, "target_seconds": 2 * 3600}
        await policy(policies, rank=1, categories=["berlin"], calendar_id=office.id, targets=[target])
        clock.set(
            datetime(2027, 3, 25, 15, tzinfo=UTC)
        )  # Thursday 16:00 before Good Friday; clocks change on Sunday
        ticket = await opened("hallo", categories=["berlin"])
        due = (await clocks_of(clocks, ticket.id))[FIRST].due_time.ToDatetime(tzinfo=UTC)
        assert due == datetime(2027, 3, 30, 8, tzinfo=UTC)  # Tuesday after Easter Monday, 10:00 summer time
        later = [calendar_pb2.OpeningHours(day=TUESDAY, start="12:00", end="17:00")]
        await calendars.UpdateCalendar(
            calendar_service_pb2.UpdateCalendarRequest(
                calendar=calendar_pb2.Calendar(id=office.id, opening_hours=later)
            )
        )
        due = (await clocks_of(clocks, ticket.id))[FIRST].due_time.ToDatetime(tzinfo=UTC)
        assert due == datetime(2027, 3, 30, 12, tzinfo=UTC)  # no hour used on Thursday by the new hours

    async def test_timeliness_by_aggregate(self, clock, clocks, opened, tickets):
        for hours in (1, 30):
            ticket = await opened("stat", kind=COMPLAINT, categories=["stat"], tags=["stat"])
            clock.advance(hours * HOUR)
            await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="x"))
        found = await clocks.AggregateSlaClocks(
            clock_rpc.AggregateSlaClocksRequest(
                filter="metric = FIRST_RESPONSE AND ticket_kind = 'complaint' AND state = STOPPED",
                group_by=["breached"],
                measures=["count()", "avg(elapsed_seconds)"],
            )
        )
        assert {row.keys[0] for row in found.rows} == {"true", "false"}


class TestPolicies:
    async def test_lists_what_is_wrong(self, policies, failure):
        step = sla_policy_pb2.SlaEscalationStep
        bad = sla_policy_pb2.SlaPolicy(
            targets=[
                sla_policy_pb2.SlaTarget(
                    metric=FIRST,
                    target_seconds=5,
                    escalation_steps=[step(after_seconds=9), step(after_seconds=3)],
                ),
                sla_policy_pb2.SlaTarget(metric=FIRST, target_seconds=6),
            ]
        )
        error = await failure(policies.CreateSlaPolicy(policy_rpc.CreateSlaPolicyRequest(sla_policy=bad)))
        assert {v.field for v in error.violations} == {
            "sla_policy.display_name", "sla_policy.targets", "sla_policy.targets[0].escalation_steps",
        }  # fmt: skip

    async def test_a_seed_deleted_by_people_stays_deleted(self, desk, policies, failure):
        survey = next(key for key, (_, values) in SEEDS.items() if values.get("rank") == 1000)
        await policies.DeleteSlaPolicy(policy_rpc.DeleteSlaPolicyRequest(id=str(survey)))
        await lay_seeds(desk.runtime.database, desk.runtime.system_call())
        gone = policy_rpc.GetSlaPolicyRequest(id=str(survey))
        assert (await failure(policies.GetSlaPolicy(gone))).reason == "NOT_FOUND"


class TestCalendars:
    async def test_lists_what_is_wrong(self, desk, admin, failure):
        calendars = desk.stub(CalendarsServiceStub, admin)
        hours = [
            calendar_pb2.OpeningHours(day=MONDAY, start="09:00", end="12:00"),
            calendar_pb2.OpeningHours(day=MONDAY, start="11:00", end="13:00"),
        ]
        bad = calendar_pb2.Calendar(time_zone="Mars/Olympus", opening_hours=hours, holiday_country="XX")
        request = calendar_service_pb2.CreateCalendarRequest(calendar=bad)
        error = await failure(calendars.CreateCalendar(request))
        assert [v.field for v in error.violations] == [
            "calendar.display_name", "calendar.time_zone", "calendar.opening_hours day monday", "calendar.holiday_country",
        ]  # fmt: skip
