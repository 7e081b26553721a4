"""Surveys: sent once, answered once, and what follows."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest_asyncio

from taproot.servicedesk.events.v1.survey_event_pb2 import SurveyEvent
from taproot.servicedesk.v1 import station_pb2, survey_pb2, ticket_pb2
from taproot.servicedesk.v1 import survey_response_service_pb2 as rpc
from taproot.servicedesk.v1 import survey_service_pb2 as survey_rpc
from taproot.servicedesk.v1.dispatch_service_pb2 import AcceptDispatchRequest, CompleteDispatchRequest
from taproot.servicedesk.v1.dispatch_service_pb2_grpc import DispatchesServiceStub
from taproot.servicedesk.v1.station_service_pb2 import CreateStationRequest, GetStationRequest
from taproot.servicedesk.v1.station_service_pb2_grpc import StationsServiceStub
from taproot.servicedesk.v1.survey_response_service_pb2_grpc import SurveyResponsesServiceStub
from taproot.servicedesk.v1.survey_service_pb2_grpc import SurveysServiceStub
from taproot.servicedesk.v1.ticket_service_pb2 import GetTicketRequest, ListTicketsRequest
from taproot.servicedesk.v1.ticket_verb_pb2 import DispatchTicketRequest, ResolveTicketRequest
from taproot_base.errors import AppError
from taproot_base.ids import new_id
from taproot_servicedesk.seeds import CSAT_SURVEY
from taproot_servicedesk.surveys.handlers import survey_ticket
from taproot_testkit import Caller


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def surveys(desk, admin) -> Caller:
    return desk.stub(SurveysServiceStub, admin)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def responses(desk, admin) -> Caller:
    return desk.stub(SurveyResponsesServiceStub, admin)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def public(desk) -> Caller:
    return desk.stub(SurveyResponsesServiceStub, None)


async def sent_about(desk, ticket: str, count: int = 1) -> list[Any]:
    """`survey.sent` of a ticket, once they are there."""
    for _ in range(200):
        events = [e.decode(SurveyEvent) for e in await desk.events(0, of="survey.sent")]
        found = [event for event in events if event.response.ticket_id == ticket]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("no survey was sent")


async def resolved(opened, tickets, **values: Any) -> ticket_pb2.Ticket:
    ticket = await opened("done", resolution="ok", **values)
    return await tickets.ResolveTicket(ResolveTicketRequest(id=ticket.id))


class TestSending:
    async def test_a_resolved_ticket_sends_it_once(self, desk, opened, tickets, known_customer, responses):
        customer = await known_customer("王芳", email="fang@example.com")
        ticket = await resolved(opened, tickets, customer_id=customer)
        [event] = await sent_about(desk, ticket.id)
        assert event.survey.id == str(CSAT_SURVEY)
        assert (event.invitation.email, event.invitation.display_name) == ("fang@example.com", "王芳")
        assert len(event.invitation.token) >= 43

        async def again() -> None:
            with desk.system_call():
                async with desk.runtime.database.unit() as work:
                    await survey_ticket(UUID(ticket.id), "ticket_resolved", work)

        await asyncio.gather(*(again() for _ in range(4)))
        page = await responses.ListSurveyResponses(
            rpc.ListSurveyResponsesRequest(filter=f'ticket_id = "{ticket.id}"')
        )
        assert len(page.survey_responses) == 1
        assert event.invitation.token not in str(page)

    async def test_without_a_customer_nobody_is_asked(self, desk, opened, tickets, known_customer):
        silent = await resolved(opened, tickets)
        loud = await resolved(opened, tickets, customer_id=await known_customer())
        await sent_about(desk, loud.id)
        events = [e.decode(SurveyEvent) for e in await desk.events(0, of="survey.sent")]
        assert silent.id not in [event.response.ticket_id for event in events]

    async def test_by_hand_about_a_ticket_is_the_same_one(self, surveys, opened, known_customer):
        made = await surveys.CreateSurvey(
            survey_rpc.CreateSurveyRequest(
                survey=survey_pb2.Survey(display_name="n", kind=survey_pb2.SURVEY_KIND_NPS)
            )
        )
        ticket = await opened(customer_id=await known_customer())
        send = survey_rpc.SendSurveyRequest(id=made.id, ticket_id=ticket.id)
        sent = await asyncio.gather(*(surveys.SendSurvey(send) for _ in range(4)))
        assert len({response.id for response in sent}) == 1


class TestAnswering:
    async def test_the_link_answers_once(
        self, desk, opened, tickets, known_customer, public, responses, failure
    ):
        ticket = await resolved(opened, tickets, customer_id=await known_customer())
        [event] = await sent_about(desk, ticket.id)
        token = event.invitation.token
        page = await public.GetPublicSurvey(rpc.GetPublicSurveyRequest(token=token))
        assert (page.min_score, page.max_score, page.ticket_number) == (1, 5, ticket.number)
        error = await failure(public.AnswerSurvey(rpc.AnswerSurveyRequest(token=token, score=6)))
        assert [v.field for v in error.violations] == ["score"]
        answer = rpc.AnswerSurveyRequest(token=token, score=5, comment="great")
        results = await asyncio.gather(
            *(public.AnswerSurvey(answer) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(result, rpc.AnswerSurveyResponse) for result in results) == 1
        assert {r.reason for r in results if isinstance(r, AppError)} == {"SURVEY_ANSWERED"}
        stored = await responses.GetSurveyResponse(rpc.GetSurveyResponseRequest(id=event.response.id))
        assert (stored.score, stored.low, stored.comment) == (5, False, "great")
        rated = await tickets.GetTicket(GetTicketRequest(id=ticket.id))
        assert rated.satisfaction_score == 5
        assert (
            await failure(public.GetPublicSurvey(rpc.GetPublicSurveyRequest(token=token)))
        ).reason == "NOT_FOUND"

    async def test_a_guessed_or_lapsed_link_is_nothing(
        self, desk, clock, opened, tickets, known_customer, public, failure
    ):
        guess = rpc.AnswerSurveyRequest(token="x" * 43, score=1)
        assert (await failure(public.AnswerSurvey(guess))).reason == "NOT_FOUND"
        ticket = await resolved(opened, tickets, customer_id=await known_customer())
        [event] = await sent_about(desk, ticket.id)
        clock.advance(timedelta(days=31))
        late = rpc.AnswerSurveyRequest(token=event.invitation.token, score=1)
        assert (await failure(public.AnswerSurvey(late))).reason == "NOT_FOUND"

    async def test_a_low_score_opens_one_complaint_and_rates_agent_and_station(
        self, desk, admin, opened, tickets, known_customer, public, responses
    ):
        stations, offers = desk.stub(StationsServiceStub, admin), desk.stub(DispatchesServiceStub, admin)
        region = f"r{new_id()}"
        station = await stations.CreateStation(
            CreateStationRequest(
                station=station_pb2.Station(
                    display_name="s", code=f"s{str(new_id())[-12:]}", regions=[region], capacity=1
                )
            )
        )
        customer = await known_customer()
        ticket = await opened(
            "fan", kind=ticket_pb2.TICKET_KIND_REPAIR, region=region, customer_id=customer, resolution="ok"
        )
        offer = await tickets.DispatchTicket(DispatchTicketRequest(id=ticket.id))
        await offers.AcceptDispatch(AcceptDispatchRequest(id=offer.id))
        await offers.CompleteDispatch(CompleteDispatchRequest(id=offer.id))
        await tickets.ResolveTicket(ResolveTicketRequest(id=ticket.id))
        [event] = await sent_about(desk, ticket.id)
        assert (event.response.station_id, event.response.agent_id) == (station.id, admin.subject)
        answer = rpc.AnswerSurveyRequest(token=event.invitation.token, score=1, comment="broke again")
        await asyncio.gather(*(public.AnswerSurvey(answer) for _ in range(4)), return_exceptions=True)
        children = await tickets.ListTickets(ListTicketsRequest(filter=f'parent_id = "{ticket.id}"'))
        [complaint] = children.tickets
        assert (complaint.kind, complaint.customer_id) == (ticket_pb2.TICKET_KIND_COMPLAINT, customer)
        assert complaint.description == "broke again"
        assert len(complaint.clocks) == 2
        stored = await responses.GetSurveyResponse(rpc.GetSurveyResponseRequest(id=event.response.id))
        assert (stored.low, stored.complaint_ticket_id) == (True, complaint.id)
        rated = await stations.GetStation(GetStationRequest(id=station.id))
        assert (rated.rating, rated.rating_count) == ("1.00", 1)
        by_agent = await responses.AggregateSurveyResponses(
            rpc.AggregateSurveyResponsesRequest(
                filter=f'station_id = "{station.id}"', group_by=["agent_id"], measures=["avg(score)"]
            )
        )
        assert [(list(r.keys), float(r.values[0])) for r in by_agent.rows] == [([admin.subject], 1.0)]


class TestSurveys:
    async def test_a_threshold_taken_away_is_the_kinds_own(self, surveys):
        never = survey_pb2.Survey(
            display_name="t", kind=survey_pb2.SURVEY_KIND_CSAT, low_score=-1, active=False
        )
        made = await surveys.CreateSurvey(survey_rpc.CreateSurveyRequest(survey=never))
        assert (made.low_score, made.active) == (-1, False)
        request = survey_rpc.UpdateSurveyRequest(
            survey=survey_pb2.Survey(id=made.id), update_mask={"paths": ["low_score", "active"]}
        )
        changed = await surveys.UpdateSurvey(request)
        assert (changed.HasField("low_score"), changed.active) == (False, True)

    async def test_a_questionnaire_checks_its_answers(self, surveys, desk, known_customer, public, failure):
        question = survey_pb2.SurveyQuestion
        made = await surveys.CreateSurvey(
            survey_rpc.CreateSurveyRequest(
                survey=survey_pb2.Survey(
                    display_name="q",
                    kind=survey_pb2.SURVEY_KIND_QUESTIONNAIRE,
                    questions=[
                        question(key="why", text="Why?", required=True),
                        question(key="again", text="Again?", choices=["yes", "no"]),
                    ],
                )
            )
        )
        await surveys.SendSurvey(survey_rpc.SendSurveyRequest(id=made.id, customer_id=await known_customer()))
        events = [e.decode(SurveyEvent) for e in await desk.events(1, of="survey.sent")]
        for _ in range(100):
            mine = [event for event in events if event.survey.id == made.id]
            if mine:
                break
            await asyncio.sleep(0.05)
            events = [e.decode(SurveyEvent) for e in await desk.events(1, of="survey.sent")]
        token = mine[0].invitation.token
        bad = rpc.AnswerSurveyRequest(token=token, score=3, answers=[{"key": "again", "text": "maybe"}])
        error = await failure(public.AnswerSurvey(bad))
        assert {v.field for v in error.violations} == {"score", "answers.why", "answers.again"}
        good = [{"key": "why", "text": "price"}, {"key": "again", "text": "no"}]
        await public.AnswerSurvey(rpc.AnswerSurveyRequest(token=token, answers=good))
        in_use = survey_rpc.DeleteSurveyRequest(id=made.id)
        assert (await failure(surveys.DeleteSurvey(in_use))).reason == "SURVEY_IN_USE"

    async def test_lists_what_is_wrong(self, surveys, failure):
        double = [survey_pb2.SurveyQuestion(key="a", text="?"), survey_pb2.SurveyQuestion(key="a", text="?")]
        request = survey_rpc.CreateSurveyRequest(survey=survey_pb2.Survey(questions=double))
        error = await failure(surveys.CreateSurvey(request))
        assert {v.field for v in error.violations} == {
            "survey.display_name",
            "survey.kind",
            "survey.questions",
        }
