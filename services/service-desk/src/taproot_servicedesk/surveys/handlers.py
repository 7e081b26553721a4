"""Use cases of surveys: sending, answering, and what follows from a low score."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from taproot_base.errors import InvalidArgument, NotFound
from taproot_base.ids import new_id
from taproot_records.keeping import erase_record
from taproot_records.mapping import Values
from taproot_records.writing import find_any, load
from taproot_servicedesk.customer_refs.queries import check_customer, find_customer
from taproot_servicedesk.dispatches.queries import attempts_of
from taproot_servicedesk.stations.handlers import rate_station
from taproot_servicedesk.surveys import queries
from taproot_servicedesk.surveys.model import (
    SENT,
    Survey,
    SurveyInactive,
    SurveyInUse,
    SurveyResponse,
    new_token,
    token_hash,
)
from taproot_servicedesk.surveys.scoring import out_of_five
from taproot_servicedesk.tickets.handlers import Desk
from taproot_servicedesk.tickets.model import Ticket
from taproot_servicedesk.tickets.opening import OpenTicket, open_ticket
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.visibility import unscoped, visible


async def delete_survey(key: uuid.UUID, etag: str, work: UnitOfWork) -> Survey:
    async def was_never_sent() -> None:
        if await queries.is_used(work, key):
            raise SurveyInUse

    return await erase_record(Survey, key, etag, work, was_never_sent)


# Sending.


async def send_survey(
    key: uuid.UUID, customer_id: uuid.UUID | None, ticket_id: uuid.UUID | None, work: UnitOfWork
) -> SurveyResponse:
    survey = await load(work, Survey, key)
    if not survey.active:
        raise SurveyInactive
    ticket = None
    if ticket_id is not None:
        statement = select(Ticket).where(Ticket.id == ticket_id, visible(Ticket))
        ticket = await work.scalar(statement.with_for_update(of=Ticket.__table__))
        if ticket is None:
            raise InvalidArgument([("ticket_id", "there is no such ticket")])
    customer_id = customer_id or (ticket.customer_id if ticket else None)
    if customer_id is None:
        raise InvalidArgument([("customer_id", "is required: the ticket has no customer")])
    await check_customer(customer_id, "customer_id", work)
    return await _send_once(survey, customer_id, ticket, work)


async def survey_ticket(ticket_id: uuid.UUID, trigger: str, work: UnitOfWork) -> None:
    """Reaction: a ticket was resolved or closed. Survey and ticket are the business key."""
    scope = unscoped(Ticket, "surveys follow tickets of every branch")
    statement = select(Ticket).where(Ticket.id == ticket_id, scope).with_for_update(of=Ticket.__table__)
    ticket: Ticket | None = await work.scalar(statement)
    if ticket is None or ticket.historic or ticket.customer_id is None or ticket.merged_into_id is not None:
        return
    if ticket.origin is not None:
        return  # what a survey opened is not surveyed again
    for survey in await work.scalars(queries.triggered(trigger)):
        if survey.fits(ticket.kind):
            await _send_once(survey, ticket.customer_id, ticket, work)


async def _send_once(
    survey: Survey, customer_id: uuid.UUID, ticket: Ticket | None, work: UnitOfWork
) -> SurveyResponse:
    """The ticket's row lock lets parallel senders see each other."""
    earlier = await queries.sent_about(work, survey.id, ticket.id) if ticket else None
    if earlier is not None:
        found = await find_any(work, SurveyResponse, earlier, "it was sent before")
        assert found is not None
        return found
    now, token = work.clock.now(), new_token()
    response = SurveyResponse(
        id=new_id(),
        version=0,
        survey_id=survey.id,
        kind=survey.kind,
        token_hash=token_hash(token),
        customer_id=customer_id,
        expire_time=now + timedelta(days=survey.valid_days),
        **(await _about(ticket, work)),
    )
    response.send(survey, await _invitation(customer_id, token, work), now)
    await work.add(response)
    return response


async def _about(ticket: Ticket | None, work: UnitOfWork) -> Values:
    if ticket is None:
        return {}
    return {
        "ticket_id": ticket.id,
        "ticket_number": ticket.number,
        "agent_id": ticket.owner_id,
        "station_id": (await attempts_of(work, ticket.id)).worked,
        "owner_id": ticket.owner_id,
        "branch_id": ticket.branch_id,
        "branch_path": ticket.branch_path,
        "team_id": ticket.team_id,
    }


async def _invitation(customer_id: uuid.UUID, token: str, work: UnitOfWork) -> dict[str, str]:
    customer = await find_customer(work, customer_id)
    assert customer is not None
    return {
        "email": customer.email,
        "display_name": customer.display_name,
        "language_code": customer.language_code,
        "token": token,
    }


# Answering.


@dataclass(frozen=True)
class Answer:
    token: str
    score: int | None
    comment: str
    answers: Mapping[str, str]


async def find_open(token: str, reader: Reader) -> tuple[SurveyResponse, Survey]:
    """A survey that can still be answered. Raises NotFound for a false, lapsed or used link alike."""
    response, survey = await _find(token, reader, reader.clock.now(), lock=False)
    if response.state != SENT:
        raise NotFound("survey", "link")
    return response, survey


async def _find(token: str, reader: Reader, now: datetime, *, lock: bool) -> tuple[SurveyResponse, Survey]:
    statement = queries.by_token(token)
    if lock:
        statement = statement.with_for_update(of=SurveyResponse.__table__)
    response: SurveyResponse | None = await reader.scalar(statement)
    if response is None or response.expire_time <= now:
        raise NotFound("survey", "link")
    survey: Survey = await reader.scalar(select(Survey).where(Survey.id == response.survey_id))
    return response, survey


async def answer_survey(answer: Answer, default_zone: str, work: UnitOfWork) -> datetime:
    """The row lock on the sent survey lets it be answered, counted and complained about once."""
    now = work.clock.now()
    response, survey = await _find(answer.token, work, now, lock=True)
    response.answer(survey, answer.score, answer.comment, answer.answers, now)
    complaint = await _complain(response, default_zone, work) if response.low else None
    await _rate(response, work)
    response.note_answer(survey, complaint, now)
    return now


async def _rate(response: SurveyResponse, work: UnitOfWork) -> None:
    if response.score is None:
        return
    if response.ticket_id is not None:
        desk = Desk(work)
        ticket = await desk.take_any(response.ticket_id, "the ticket a survey is about")
        if ticket is not None:
            ticket.take_score(response.score, response.low, desk.now)
            await desk.keep(ticket)
    if response.station_id is not None:
        await rate_station(response.station_id, out_of_five(response.kind, response.score), work)


async def _complain(response: SurveyResponse, default_zone: str, work: UnitOfWork) -> uuid.UUID:
    """One complaint per sent survey: `origin` is unique."""
    values = {
        "kind": "complaint",
        "priority": "high",
        "display_name": f"低评价 / low score {response.score}: {response.ticket_number}".strip(": "),
        "description": response.comment,
        "channel": "survey",
        "customer_id": response.customer_id,
        "parent_id": response.ticket_id,
        "branch_id": response.branch_id,
        "team_id": response.team_id,
    }
    command = OpenTicket(values, origin=f"survey:{response.id}")
    return (await open_ticket(command, default_zone, work)).id
