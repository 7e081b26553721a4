"""Tickets through their RPCs, on real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot.servicedesk.v1 import queue_pb2
from taproot.servicedesk.v1 import ticket_entry_service_pb2 as entries
from taproot.servicedesk.v1 import ticket_pb2 as pb
from taproot.servicedesk.v1 import ticket_service_pb2 as rpc
from taproot.servicedesk.v1 import ticket_verb_pb2 as verbs
from taproot.servicedesk.v1.queue_service_pb2 import CreateQueueRequest
from taproot.servicedesk.v1.queue_service_pb2_grpc import QueuesServiceStub
from taproot.servicedesk.v1.ticket_entry_service_pb2_grpc import TicketEntriesServiceStub
from taproot.servicedesk.v1.ticket_service_pb2_grpc import TicketsServiceStub
from taproot_base.auth import Principal
from taproot_base.errors import AppError, Kind
from taproot_base.ids import new_id
from taproot_testkit import Caller, branch_id

REPAIR, COMPLAINT = pb.TICKET_KIND_REPAIR, pb.TICKET_KIND_COMPLAINT


def portal(customer: str) -> Principal:
    return Principal(subject=f"portal:{customer}", kind="portal", party_id=customer)


class TestCreateTicket:
    async def test_stores_numbers_and_announces(self, desk, tickets, opened, events_of, known_customer):
        customer = await known_customer(value_class="A", region="east")
        ticket = await opened(
            "does not start", kind=REPAIR, customer_id=customer, categories=["power", "fan"]
        )
        assert ticket.number.startswith("T")
        assert (ticket.state, ticket.priority) == (pb.TICKET_STATE_NEW, pb.TICKET_PRIORITY_NORMAL)
        assert (ticket.value_class, ticket.region) == ("A", "east")
        assert not ticket.coverage.covered
        assert ticket.coverage.reason == "NO_ENTITLEMENT"
        assert len(ticket.clocks) == 2
        assert await tickets.GetTicket(rpc.GetTicketRequest(id=ticket.id)) == ticket
        assert await events_of(ticket.id, TicketEvent) == [("ticket.created", TicketEvent(ticket=ticket))]
        published = [e for e in await desk.events(1, of="ticket.created") if str(e.aggregate_id) == ticket.id]
        assert [str(e.party_id) for e in published] == [customer]

    async def test_lists_every_violation_at_once(self, tickets, failure):
        bad = pb.Ticket(customer_id="x", number="T1", priority=99)
        error = await failure(tickets.CreateTicket(rpc.CreateTicketRequest(ticket=bad)))
        assert {v.field for v in error.violations} >= {
            "ticket.customer_id",
            "ticket.priority",
            "ticket.number",
        }
        error = await failure(tickets.CreateTicket(rpc.CreateTicketRequest(ticket=pb.Ticket(channel="web"))))
        assert [v.field for v in error.violations] == ["ticket.display_name"]

    async def test_a_repeat_takes_effect_once(self, tickets):
        request = rpc.CreateTicketRequest(ticket=pb.Ticket(display_name="twice"), request_id=str(new_id()))
        assert await tickets.CreateTicket(request) == await tickets.CreateTicket(request)

    async def test_one_external_id_under_concurrency(self, tickets, failure):
        request = rpc.CreateTicketRequest(ticket=pb.Ticket(display_name="x", external_id=f"hd:{new_id()}"))
        results = await asyncio.gather(
            *(tickets.CreateTicket(request) for _ in range(6)), return_exceptions=True
        )
        made = [result for result in results if isinstance(result, pb.Ticket)]
        assert len(made) == 1
        assert {r.reason for r in results if not isinstance(r, pb.Ticket)} == {"TICKET_EXISTS"}

    async def test_history_needs_its_permission(self, desk, failure):
        agent = desk.stub(TicketsServiceStub, await desk.add_user({"tickets.create": "branch"}))
        old = pb.Ticket(display_name="old", state=pb.TICKET_STATE_CLOSED)
        error = await failure(agent.CreateTicket(rpc.CreateTicketRequest(ticket=old)))
        assert error.reason == "HISTORY_NOT_ALLOWED"

    async def test_is_routed_to_the_least_loaded_agent(self, desk, admin, opened):
        queues = desk.stub(QueuesServiceStub, admin)
        agents = [await desk.add_user({"tickets.*": "own"}) for _ in range(3)]
        made = await queues.CreateQueue(
            CreateQueueRequest(
                queue=queue_pb2.Queue(
                    display_name="billing",
                    categories=["billing"],
                    assignment=queue_pb2.QUEUE_ASSIGNMENT_LEAST_LOADED,
                    member_ids=[agent.subject for agent in agents],
                )
            )
        )
        found = await asyncio.gather(*(opened("bill", categories=["billing"]) for _ in range(6)))
        assert {ticket.queue_id for ticket in found} == {made.id}
        counts = {agent.subject: sum(t.owner_id == agent.subject for t in found) for agent in agents}
        assert set(counts.values()) == {2}


class TestUpdateTicket:
    async def test_recategorising_keeps_the_case(self, desk, admin, tickets, opened):
        ticket = await opened("lost parcel", kind=COMPLAINT, categories=["parcel"])
        change = pb.Ticket(id=ticket.id, categories=["parcel", "damage"], kind=pb.TICKET_KIND_DISPUTE)
        changed = await tickets.UpdateTicket(rpc.UpdateTicketRequest(ticket=change))
        assert list(changed.categories) == ["parcel", "damage"]
        staff = desk.stub(TicketEntriesServiceStub, admin)
        found = await staff.ListTicketEntries(entries.ListTicketEntriesRequest(ticket_id=ticket.id))
        assert [entry.previous_value for entry in found.ticket_entries] == ["complaint, normal: parcel"]

    async def test_what_verbs_change_is_refused(self, tickets, opened, failure):
        ticket = await opened()
        change = pb.Ticket(id=ticket.id, owner_id=str(new_id()))
        error = await failure(tickets.UpdateTicket(rpc.UpdateTicketRequest(ticket=change)))
        assert [v.field for v in error.violations] == ["ticket.owner_id"]

    async def test_is_no_part_of_its_own_part(self, tickets, opened, failure):
        whole = await opened("whole")
        part = await opened("part", parent_id=whole.id)
        change = pb.Ticket(id=whole.id, parent_id=part.id)
        error = await failure(tickets.UpdateTicket(rpc.UpdateTicketRequest(ticket=change)))
        assert [v.field for v in error.violations] == ["ticket.parent_id"]

    async def test_custom_fields_are_merged(self, tickets, opened):
        ticket = await opened(custom={"floor": "3", "room": "12"})
        change = pb.Ticket(id=ticket.id, custom={"room": None, "gate": "B"})
        changed = await tickets.UpdateTicket(rpc.UpdateTicketRequest(ticket=change))
        assert dict(changed.custom) == {"floor": "3", "gate": "B"}


class TestConversation:
    async def test_life_of_a_ticket(self, desk, admin, tickets, opened, events_of, known_customer, clock):
        customer = await known_customer()
        ticket = await opened("printer", customer_id=customer)
        asked = await tickets.WaitTicket(verbs.WaitTicketRequest(id=ticket.id, question="Which model?"))
        assert asked.state == pb.TICKET_STATE_WAITING
        assert asked.HasField("first_response_time")
        mine = desk.stub(TicketsServiceStub, portal(customer))
        woken = await mine.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="LJ-4", internal=True))
        assert woken.state == pb.TICKET_STATE_OPEN
        await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="old fuser", internal=True))
        await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="a technician comes"))
        done = await tickets.ResolveTicket(
            verbs.ResolveTicketRequest(id=ticket.id, resolution="fuser replaced", root_cause="wear")
        )
        assert done.state == pb.TICKET_STATE_RESOLVED
        closed = await tickets.CloseTicket(verbs.CloseTicketRequest(id=ticket.id))
        assert closed.state == pb.TICKET_STATE_CLOSED
        types = [kind for kind, _ in await events_of(ticket.id, TicketEvent)]
        assert types == [
            f"ticket.{name}"
            for name in (
                "created", "commented", "waiting", "commented", "commented", "commented", "resolved", "closed",
            )
        ]  # fmt: skip
        timeline = await desk.stub(TicketEntriesServiceStub, portal(customer)).ListTicketTimeline(
            entries.ListTicketTimelineRequest(ticket_id=ticket.id)
        )
        bodies = [e.body for e in timeline.ticket_entries if e.kind == pb.TICKET_ENTRY_KIND_COMMENT]
        assert bodies == ["Which model?", "LJ-4", "a technician comes"]
        staff = desk.stub(TicketEntriesServiceStub, admin)
        every = await staff.ListTicketEntries(entries.ListTicketEntriesRequest(ticket_id=ticket.id))
        assert "old fuser" in [entry.body for entry in every.ticket_entries]

    async def test_entries_are_filtered_ordered_and_paged(self, desk, admin, tickets, opened, known_customer):
        customer = await known_customer()
        ticket = await opened("printer", customer_id=customer)
        for number in range(3):
            reply = verbs.ReplyTicketRequest(id=ticket.id, body=f"n{number}", internal=number == 1)
            await tickets.ReplyTicket(reply)
        staff = desk.stub(TicketEntriesServiceStub, admin)

        async def bodies(stub: Caller, kind: Any, verb: str, **asked: Any) -> list[str]:
            found, token = [], ""
            while not found or token:
                page = await getattr(stub, verb)(
                    kind(ticket_id=ticket.id, page_size=1, page_token=token, **asked)
                )
                found += [entry.body for entry in page.ticket_entries]
                token = page.next_page_token
            return found

        everything = entries.ListTicketEntriesRequest, "ListTicketEntries"
        comments = {"filter": "kind = COMMENT", "order_by": "body desc"}
        assert await bodies(staff, *everything, **comments) == ["n2", "n1", "n0"]
        assert await bodies(staff, *everything, filter="kind = COMMENT AND public = false") == ["n1"]
        own = desk.stub(TicketEntriesServiceStub, portal(customer))
        timeline = entries.ListTicketTimelineRequest, "ListTicketTimeline"
        assert await bodies(own, *timeline, **comments) == ["n2", "n0"]
        request = entries.ListTicketTimelineRequest(ticket_id=ticket.id, filter='body = "n1"')
        assert not (await own.ListTicketTimeline(request)).ticket_entries
        sight = await desk.add_user({"tickets.*": "all"}, "/hq/", masked=("note",))
        masked = desk.stub(TicketEntriesServiceStub, sight)
        with pytest.raises(AppError) as refused:
            await masked.ListTicketEntries(
                entries.ListTicketEntriesRequest(ticket_id=ticket.id, filter='body = "n1"')
            )
        assert [violation.field for violation in refused.value.violations] == ["filter"]

    async def test_an_objection_reopens(self, tickets, opened):
        ticket = await opened(resolution="done")
        await tickets.ResolveTicket(verbs.ResolveTicketRequest(id=ticket.id))
        again = await tickets.ReplyTicket(
            verbs.ReplyTicketRequest(id=ticket.id, body="it is not", from_customer=True)
        )
        assert (again.state, again.reopen_count) == (pb.TICKET_STATE_OPEN, 1)

    async def test_verbs_out_of_turn_name_the_allowed_states(self, tickets, opened, failure):
        ticket = await opened()
        error = await failure(tickets.CloseTicket(verbs.CloseTicketRequest(id=ticket.id)))
        assert (error.kind, error.metadata["allowed"]) == (Kind.STATE, "RESOLVED")
        error = await failure(tickets.ReopenTicket(verbs.ReopenTicketRequest(id=ticket.id)))
        assert error.metadata["allowed"] == "CLOSED, RESOLVED"

    async def test_resolving_needs_a_word(self, tickets, opened, failure):
        ticket = await opened()
        error = await failure(tickets.ResolveTicket(verbs.ResolveTicketRequest(id=ticket.id)))
        assert [v.field for v in error.violations] == ["resolution"]

    async def test_parts_are_closed_first(self, tickets, opened, failure):
        whole = await opened("whole", resolution="done")
        part = await opened("part", parent_id=whole.id, resolution="done")
        await tickets.ResolveTicket(verbs.ResolveTicketRequest(id=whole.id))
        assert (
            await failure(tickets.CloseTicket(verbs.CloseTicketRequest(id=whole.id)))
        ).reason == "PARTS_OPEN"
        await tickets.ResolveTicket(verbs.ResolveTicketRequest(id=part.id))
        assert (
            await tickets.CloseTicket(verbs.CloseTicketRequest(id=whole.id))
        ).state == pb.TICKET_STATE_CLOSED

    async def test_a_cause_that_recurs_is_found(self, tickets, opened, known_customer):
        customer = await known_customer()
        first, second = await opened("a", customer_id=customer), await opened("b", customer_id=customer)
        for ticket in (first, second):
            done = await tickets.ResolveTicket(
                verbs.ResolveTicketRequest(id=ticket.id, resolution="ok", root_cause="Loose cable")
            )
        assert done.recurrence_of_id == first.id

    async def test_an_old_etag_is_refused(self, tickets, opened, failure):
        ticket = await opened()
        await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=ticket.id, body="hello"))
        stale = verbs.EscalateTicketRequest(id=ticket.id, reason="late", etag=ticket.etag)
        assert (await failure(tickets.EscalateTicket(stale))).reason == "ETAG_MISMATCH"


class TestMergeTicket:
    async def test_history_shows_in_the_survivor(self, desk, admin, tickets, opened):
        survivor, double = await opened("one"), await opened("two")
        await tickets.ReplyTicket(verbs.ReplyTicketRequest(id=double.id, body="said in the double"))
        await tickets.MergeTicket(verbs.MergeTicketRequest(id=survivor.id, source_ids=[double.id]))
        gone = await tickets.GetTicket(rpc.GetTicketRequest(id=double.id))
        assert (gone.state, gone.merged_into_id) == (pb.TICKET_STATE_CLOSED, survivor.id)
        assert all(clock.state in (3, 4) for clock in gone.clocks)
        staff = desk.stub(TicketEntriesServiceStub, admin)
        found = await staff.ListTicketEntries(entries.ListTicketEntriesRequest(ticket_id=survivor.id))
        assert "said in the double" in [entry.body for entry in found.ticket_entries]

    async def test_another_customers_ticket_is_refused(self, tickets, opened, known_customer, failure):
        one = await opened(customer_id=await known_customer())
        other = await opened(customer_id=await known_customer())
        error = await failure(tickets.MergeTicket(verbs.MergeTicketRequest(id=one.id, source_ids=[other.id])))
        assert [v.field for v in error.violations] == ["source_ids"]

    async def test_crossing_merges_leave_one_survivor(self, tickets, opened):
        one, two = await opened("one"), await opened("two")
        results = await asyncio.gather(
            tickets.MergeTicket(verbs.MergeTicketRequest(id=one.id, source_ids=[two.id])),
            tickets.MergeTicket(verbs.MergeTicketRequest(id=two.id, source_ids=[one.id])),
            return_exceptions=True,
        )
        assert sum(isinstance(result, pb.Ticket) for result in results) == 1


class TestAssignTicket:
    async def test_answers_little_when_it_is_out_of_sight(self, desk, opened):
        agent = await desk.add_user({"tickets.*": "branch", "tickets.assign": "all"}, "/hq/e/sh/")
        mine = desk.stub(TicketsServiceStub, agent)
        ticket = await opened("moves", by=mine)
        moved = await mine.AssignTicket(
            verbs.AssignTicketRequest(
                id=ticket.id, owner_id=(await desk.admin()).subject, branch_id=branch_id("/hq/w/")
            )
        )
        assert (moved.id, moved.display_name, moved.etag) == (ticket.id, "", "2")

    async def test_needs_a_target(self, tickets, opened, failure):
        ticket = await opened()
        error = await failure(tickets.AssignTicket(verbs.AssignTicketRequest(id=ticket.id)))
        assert error.kind is Kind.INVALID


class TestVisibility:
    async def test_by_branch_owner_team_and_customer(self, desk, opened, known_customer, failure):
        customer, team = await known_customer(), str(new_id())
        rights = {"tickets.*": "branch", "customers.read": "all"}
        west = desk.stub(TicketsServiceStub, await desk.add_user(rights, "/hq/w/"))
        team_mate = await desk.add_user({"tickets.read": "team"}, "/hq/e/hz/", teams=(team,))
        ticket = await opened("west", by=west, customer_id=customer, team_id=team)
        get = rpc.GetTicketRequest(id=ticket.id)
        sees = [
            await desk.add_user({"tickets.read": "branch"}, "/hq/w/"),
            await desk.add_user({"tickets.read": "branch_and_below"}, "/hq/"),
            team_mate,
            portal(customer),
        ]
        for principal in sees:
            assert (await desk.stub(TicketsServiceStub, principal).GetTicket(get)).id == ticket.id
        blind = [
            await desk.add_user({"tickets.read": "branch"}, "/hq/e/sh/"),
            await desk.add_user({"tickets.read": "branch_and_below"}, "/hq/e/"),
            await desk.add_user({"tickets.read": "own"}, "/hq/w/"),
            portal(str(new_id())),
        ]
        for principal in blind:
            stub = desk.stub(TicketsServiceStub, principal)
            assert (await failure(stub.GetTicket(get))).kind is Kind.NOT_FOUND
            page = await stub.ListTickets(rpc.ListTicketsRequest(page_size=1000))
            assert ticket.id not in [found.id for found in page.tickets]

    async def test_a_customer_opens_only_own_tickets_and_sees_no_staff_matters(self, desk, known_customer):
        customer = await known_customer()
        mine = desk.stub(TicketsServiceStub, portal(customer))
        request = rpc.CreateTicketRequest(
            ticket=pb.Ticket(
                display_name="help", customer_id=str(new_id()), owner_id=str(new_id()), tags=["x"]
            )
        )
        made = await mine.CreateTicket(request)
        assert (made.customer_id, made.owner_id, list(made.tags), len(made.clocks)) == (customer, "", [], 0)
        assert made.branch_id == branch_id("/hq/e/sh/")


class TestListsAndAggregates:
    async def test_pages_filters_and_counts(self, desk, opened):
        agent = desk.stub(TicketsServiceStub, await desk.add_user({"tickets.*": "own"}))
        for number in range(5):
            priority = pb.TICKET_PRIORITY_HIGH if number % 2 else pb.TICKET_PRIORITY_LOW
            await opened(f"list {number}", by=agent, priority=priority, categories=["a", f"c{number}"])
        seen: list[Any] = []
        token = ""
        while True:
            page = await agent.ListTickets(rpc.ListTicketsRequest(page_size=2, page_token=token))
            seen += [ticket.display_name for ticket in page.tickets]
            if not (token := page.next_page_token):
                break
        assert sorted(seen) == [f"list {number}" for number in range(5)]
        high = await agent.ListTickets(rpc.ListTicketsRequest(filter='priority = HIGH AND categories:"c3"'))
        assert [ticket.display_name for ticket in high.tickets] == ["list 3"]
        found = await agent.AggregateTickets(
            rpc.AggregateTicketsRequest(group_by=["priority", "month(open_time)"], measures=["count()"])
        )
        assert [(list(r.keys), list(r.values)) for r in found.rows] == [
            (["high", "2026-11"], ["2"]),
            (["low", "2026-11"], ["3"]),
        ]

    async def test_the_bin_hides_and_gives_back(self, tickets, opened, failure, clock):
        ticket = await opened("bin")
        await tickets.DeleteTicket(rpc.DeleteTicketRequest(id=ticket.id))
        page = await tickets.ListTickets(rpc.ListTicketsRequest(filter=f'id = "{ticket.id}"'))
        assert len(page.tickets) == 0
        assert (
            await failure(tickets.CloseTicket(verbs.CloseTicketRequest(id=ticket.id)))
        ).kind is Kind.NOT_FOUND
        clock.advance(timedelta(hours=1))
        back = await tickets.UndeleteTicket(rpc.UndeleteTicketRequest(id=ticket.id))
        assert [clock.state for clock in back.clocks] == [1, 1]
        again = rpc.UndeleteTicketRequest(id=ticket.id)
        assert (await failure(tickets.UndeleteTicket(again))).reason == "WRONG_STATE"

    async def test_masked_fields_cannot_be_asked_about(self, desk, opened, failure):
        agent = desk.stub(TicketsServiceStub, await desk.add_user({"tickets.*": "own"}, masked=("note",)))
        made = await opened("secret", by=agent)
        assert made.display_name == ""
        error = await failure(agent.ListTickets(rpc.ListTicketsRequest(filter='search:"secret"')))
        assert error.kind is Kind.INVALID


@pytest.mark.parametrize("bad", ["state = NEWISH", "nothing = 1", "state ="])
async def test_a_bad_filter_is_refused(tickets, failure, bad):
    assert (await failure(tickets.ListTickets(rpc.ListTicketsRequest(filter=bad)))).kind is Kind.INVALID
