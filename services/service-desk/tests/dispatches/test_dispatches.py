"""Dispatching repairs: the best station, no station overloaded, never two at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest_asyncio

from taproot.servicedesk.events.v1.dispatch_event_pb2 import DispatchEvent
from taproot.servicedesk.events.v1.station_event_pb2 import StationEvent
from taproot.servicedesk.v1 import dispatch_pb2 as pb
from taproot.servicedesk.v1 import dispatch_service_pb2 as rpc
from taproot.servicedesk.v1 import station_pb2, ticket_pb2
from taproot.servicedesk.v1 import station_service_pb2 as station_rpc
from taproot.servicedesk.v1.dispatch_service_pb2_grpc import DispatchesServiceStub
from taproot.servicedesk.v1.station_service_pb2_grpc import StationsServiceStub
from taproot.servicedesk.v1.ticket_service_pb2 import GetTicketRequest
from taproot.servicedesk.v1.ticket_verb_pb2 import DispatchTicketRequest
from taproot_base.errors import AppError
from taproot_base.ids import new_id
from taproot_servicedesk.dispatches.handlers import time_out_dispatches
from taproot_testkit import Caller

REPAIR = ticket_pb2.TICKET_KIND_REPAIR


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stations(desk, admin) -> Caller:
    return desk.stub(StationsServiceStub, admin)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dispatches(desk, admin) -> Caller:
    return desk.stub(DispatchesServiceStub, admin)


async def station(stations: Caller, region: str, capacity: int = 5, **values: Any) -> station_pb2.Station:
    made = station_pb2.Station(
        display_name="station", code=f"s{str(new_id())[-12:]}", regions=[region], capacity=capacity, **values
    )
    return await stations.CreateStation(station_rpc.CreateStationRequest(station=made))


async def load(stations: Caller, key: str) -> int:
    return (await stations.GetStation(station_rpc.GetStationRequest(id=key))).open_dispatch_count


async def run_timeouts(desk) -> int:
    with desk.system_call():
        return await time_out_dispatches(desk.runtime.database)


class TestDispatchTicket:
    async def test_picks_the_best_and_says_why(self, stations, dispatches, tickets, opened, events_of):
        region = f"r{new_id()}"
        await station(stations, region)
        expert = await station(stations, region, skills=["PC-1"])
        await station(stations, region, skills=["PC-2"])
        ticket = await opened("fan", kind=REPAIR, region=region, product_code="PC-1")
        made = await tickets.DispatchTicket(DispatchTicketRequest(id=ticket.id))
        assert (made.station_id, made.state, made.attempt) == (expert.id, pb.DISPATCH_STATE_OFFERED, 1)
        assert made.score == "90.00"
        assert {p.factor: p.points for p in made.score_parts} == {
            "skill": "30.00", "region": "30.00", "rating": "15.00", "load": "15.00",
        }  # fmt: skip
        [(kind, event)] = await events_of(made.id, DispatchEvent)
        assert (kind, event.station.open_dispatch_count) == ("dispatch.offered", 1)
        for verb, request in (
            (dispatches.AcceptDispatch, rpc.AcceptDispatchRequest(id=made.id)),
            (dispatches.CompleteDispatch, rpc.CompleteDispatchRequest(id=made.id, result="new fan")),
        ):
            done = await verb(request)
        assert (done.state, done.note) == (pb.DISPATCH_STATE_DONE, "new fan")
        assert await load(stations, expert.id) == 0

    async def test_is_for_repairs_once_at_a_time_and_where_someone_serves(
        self, stations, tickets, opened, failure
    ):
        region = f"r{new_id()}"
        question = await opened("?", region=region)
        error = await failure(tickets.DispatchTicket(DispatchTicketRequest(id=question.id)))
        assert error.reason == "WRONG_STATE"
        ticket = await opened("fan", kind=REPAIR, region=region, product_code="only here")
        everywhere = DispatchTicketRequest(id=ticket.id)
        assert (await failure(tickets.DispatchTicket(everywhere))).reason == "NO_STATION"
        await station(stations, region)
        results = await asyncio.gather(
            *(tickets.DispatchTicket(everywhere) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(result, pb.Dispatch) for result in results) == 1
        assert {r.reason for r in results if isinstance(r, AppError)} == {"DISPATCH_OPEN"}

    async def test_parallel_dispatches_never_overload_a_station(self, stations, tickets, opened):
        region = f"r{new_id()}"
        near = await station(stations, region, capacity=3, skills=["PC-1"])
        far = await station(stations, region, capacity=2)
        cases = [await opened("x", kind=REPAIR, region=region, product_code="PC-1") for _ in range(8)]
        results = await asyncio.gather(
            *(tickets.DispatchTicket(DispatchTicketRequest(id=case.id)) for case in cases),
            return_exceptions=True,
        )
        made = [result for result in results if isinstance(result, pb.Dispatch)]
        assert len(made) == 5
        assert (await load(stations, near.id), await load(stations, far.id)) == (3, 2)
        assert {r.reason for r in results if isinstance(r, AppError)} == {"NO_STATION"}


class TestPassing:
    async def test_a_refusal_asks_the_next_and_at_the_end_escalates(
        self, stations, dispatches, tickets, opened
    ):
        region = f"r{new_id()}"
        first, second = await station(stations, region, skills=["PC-1"]), await station(stations, region)
        ticket = await opened("fan", kind=REPAIR, region=region, product_code="PC-1")
        offer = await tickets.DispatchTicket(DispatchTicketRequest(id=ticket.id))
        refused = await dispatches.RefuseDispatch(rpc.RefuseDispatchRequest(id=offer.id, reason="no parts"))
        assert (refused.state, refused.note) == (pb.DISPATCH_STATE_REFUSED, "no parts")
        page = await dispatches.ListDispatches(
            rpc.ListDispatchesRequest(filter=f'ticket_id = "{ticket.id}"', order_by="attempt")
        )
        assert [(d.station_id, d.attempt) for d in page.dispatches] == [(first.id, 1), (second.id, 2)]
        assert await load(stations, first.id) == 0
        await dispatches.RefuseDispatch(rpc.RefuseDispatchRequest(id=page.dispatches[1].id))
        found = await tickets.GetTicket(GetTicketRequest(id=ticket.id))
        assert found.escalation_level == 1

    async def test_silence_asks_the_next_once(self, desk, clock, stations, dispatches, tickets, opened):
        region = f"r{new_id()}"
        slow = await station(stations, region, skills=["PC-1"], offer_minutes=30)
        await station(stations, region)
        ticket = await opened("fan", kind=REPAIR, region=region, product_code="PC-1")
        await tickets.DispatchTicket(DispatchTicketRequest(id=ticket.id))
        clock.advance(timedelta(minutes=29))
        await run_timeouts(desk)
        assert await load(stations, slow.id) == 1
        clock.advance(timedelta(minutes=1))
        await asyncio.gather(*(run_timeouts(desk) for _ in range(4)))
        page = await dispatches.ListDispatches(
            rpc.ListDispatchesRequest(filter=f'ticket_id = "{ticket.id}"', order_by="attempt")
        )
        assert [d.state for d in page.dispatches] == [
            pb.DISPATCH_STATE_TIMED_OUT,
            pb.DISPATCH_STATE_OFFERED,
        ]
        assert await load(stations, slow.id) == 0

    async def test_a_station_that_lets_three_pass_is_flagged_until_a_person_clears_it(
        self, stations, dispatches, tickets, opened, events_of, failure
    ):
        region = f"r{new_id()}"
        lazy = await station(stations, region)
        for _ in range(3):
            ticket = await opened("fan", kind=REPAIR, region=region)
            offer = await tickets.DispatchTicket(DispatchTicketRequest(id=ticket.id, station_id=lazy.id))
            await dispatches.RefuseDispatch(rpc.RefuseDispatchRequest(id=offer.id))
        found = await stations.GetStation(station_rpc.GetStationRequest(id=lazy.id))
        assert (found.flagged, found.flag_reason) == (True, "let 3 of its last 3 offers pass")
        assert [kind for kind, _ in await events_of(lazy.id, StationEvent)][-1] == "station.flagged"
        cleared = await stations.UnflagStation(station_rpc.UnflagStationRequest(id=lazy.id))
        assert not cleared.flagged
        again = station_rpc.UnflagStationRequest(id=lazy.id)
        assert (await failure(stations.UnflagStation(again))).reason == "WRONG_STATE"


class TestStations:
    async def test_codes_are_unique_and_busy_stations_stay(self, stations, tickets, opened, failure):
        region = f"r{new_id()}"
        made = await station(stations, region)
        double = station_pb2.Station(display_name="x", code=made.code, capacity=1)
        error = await failure(stations.CreateStation(station_rpc.CreateStationRequest(station=double)))
        assert error.reason == "STATION_EXISTS"
        ticket = await opened("fan", kind=REPAIR, region=region)
        await tickets.DispatchTicket(DispatchTicketRequest(id=ticket.id))
        delete = station_rpc.DeleteStationRequest(id=made.id)
        assert (await failure(stations.DeleteStation(delete))).reason == "STATION_IN_USE"
