"""Loading cases of another system: times as they are, however odd, and nothing follows from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp

from taproot.servicedesk.v1 import ticket_pb2 as pb
from taproot.servicedesk.v1 import ticket_service_pb2 as rpc
from taproot.servicedesk.v1.sla_clock_service_pb2 import ListSlaClocksRequest
from taproot.servicedesk.v1.sla_clock_service_pb2_grpc import SlaClocksServiceStub
from taproot.servicedesk.v1.ticket_service_pb2_grpc import TicketsServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_servicedesk.tickets.handlers import settle_due_tickets
from taproot_testkit import Caller

LOADED = datetime(2023, 6, 1, 12, tzinfo=UTC)


def at(moment: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


def old(number: int, **values: object) -> rpc.CreateTicketRequest:
    ticket = pb.Ticket(
        display_name=f"old {number}",
        external_id=f"hd:{number}:{new_id()}",
        state=pb.TICKET_STATE_CLOSED,
        kind=pb.TICKET_KIND_COMPLAINT,
        description="several\nlines",
        **values,
    )
    return rpc.CreateTicketRequest(ticket=ticket)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def importer(desk) -> Caller:
    return desk.stub(TicketsServiceStub, await desk.add_user({"tickets.*": "all"}, "/hq/"))


class TestBatchCreateTickets:
    async def test_a_resolution_before_the_first_answer_is_never_negative(self, desk, admin, importer):
        request = old(1, first_response_time=at(LOADED), resolve_time=at(LOADED - timedelta(hours=10)))
        made = await importer.BatchCreateTickets(rpc.BatchCreateTicketsRequest(requests=[request]))
        ticket = made.tickets[0]
        assert ticket.historic
        assert ticket.open_time.ToDatetime(tzinfo=UTC) == LOADED - timedelta(hours=10)
        clocks = desk.stub(SlaClocksServiceStub, admin)
        page = await clocks.ListSlaClocks(ListSlaClocksRequest(filter=f'ticket_id = "{ticket.id}"'))
        assert {c.metric: (c.elapsed_seconds, c.state) for c in page.sla_clocks} == {
            1: (36_000, 3),
            3: (0, 3),
        }

    async def test_loads_200_at_once_in_order_and_repeats_harmlessly(self, importer, failure):
        batch = [old(n, first_response_time=at(LOADED)) for n in range(200)]
        request = rpc.BatchCreateTicketsRequest(requests=batch, request_id=str(new_id()))
        made = await importer.BatchCreateTickets(request)
        assert [ticket.display_name for ticket in made.tickets] == [f"old {n}" for n in range(200)]
        again = await importer.BatchCreateTickets(request)
        assert [t.id for t in again.tickets] == [t.id for t in made.tickets]
        taken = rpc.BatchCreateTicketsRequest(requests=[old(999), batch[0]])
        assert (await failure(importer.BatchCreateTickets(taken))).reason == "TICKET_EXISTS"
        too_many = rpc.BatchCreateTicketsRequest(requests=[*batch, old(1)])
        assert (await failure(importer.BatchCreateTickets(too_many))).kind is Kind.INVALID

    async def test_all_or_none_and_the_place_of_the_fault(self, importer, failure):
        bad = old(2, open_time=at(datetime(2099, 1, 1, tzinfo=UTC)))
        good = old(1)
        error = await failure(
            importer.BatchCreateTickets(rpc.BatchCreateTicketsRequest(requests=[good, bad]))
        )
        assert [v.field for v in error.violations] == ["requests[1].ticket.open_time"]
        page = await importer.ListTickets(
            rpc.ListTicketsRequest(filter=f'external_id = "{good.ticket.external_id}"')
        )
        assert len(page.tickets) == 0

    async def test_nothing_follows_from_history(self, desk, importer):
        request = old(3, open_time=at(LOADED))
        request.ticket.state = pb.TICKET_STATE_OPEN
        made = await importer.CreateTicket(request)
        assert len(made.clocks) == 0
        with desk.system_call():
            assert await settle_due_tickets(desk.runtime.database) == 0
