"""Reads of surveys and what was sent."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, bindparam, exists, select

from taproot.servicedesk.v1 import survey_pb2, survey_response_pb2
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.surveys.model import Survey, SurveyResponse, token_hash
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

RESOURCE = resource_of(
    "survey",
    Survey,
    survey_pb2.Survey,
    "id display_name kind active trigger ticket_kinds create_time update_time custom",
)
SHELF = Shelf(RESOURCE, Survey, survey_pb2.Survey)
RESPONSE_RESOURCE = resource_of(
    "survey_response",
    SurveyResponse,
    survey_response_pb2.SurveyResponse,
    "id survey_id kind state customer_id ticket_id station_id agent_id score low expire_time answer_time owner_id "
    "branch_id team_id create_time update_time",
    references=("customer_id",),
)
RESPONSE_SHELF = Shelf(RESPONSE_RESOURCE, SurveyResponse, survey_response_pb2.SurveyResponse)
_r = SurveyResponse.__table__.c
BY_TOKEN = unscoped(SurveyResponse, "whoever holds the link may answer")
_used = Statement(
    lambda: select(
        exists().where(_r.survey_id == bindparam("survey_id"), unscoped(SurveyResponse, "sent by any branch"))
    )
)
_sent = Statement(
    lambda: select(_r.id).where(
        _r.survey_id == bindparam("survey_id"),
        _r.ticket_id == bindparam("ticket_id"),
        unscoped(SurveyResponse, "a survey about a ticket is sent once, whoever sends it"),
    )
)


async def is_used(reader: Reader, survey_id: uuid.UUID) -> bool:
    return bool(await reader.fetch_value(_used, survey_id=survey_id))


async def sent_about(reader: Reader, survey_id: uuid.UUID, ticket_id: uuid.UUID) -> uuid.UUID | None:
    found: uuid.UUID | None = await reader.fetch_value(_sent, survey_id=survey_id, ticket_id=ticket_id)
    return found


def triggered(trigger: str) -> Select[Any]:
    return select(Survey).where(Survey.active, Survey.trigger == trigger).order_by(Survey.id)


def by_token(token: str) -> Select[Any]:
    return select(SurveyResponse).where(SurveyResponse.token_hash == token_hash(token), BY_TOKEN)
