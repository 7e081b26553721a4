"""Surveys between protobuf and columns."""

from __future__ import annotations

from taproot.servicedesk.events.v1.survey_event_pb2 import SurveyEvent, SurveyInvitation
from taproot.servicedesk.v1 import survey_response_service_pb2 as rpc
from taproot_records.mapping import message_of, row_of
from taproot_servicedesk.surveys.model import Survey, SurveyResponse
from taproot_servicedesk.surveys.queries import RESPONSE_SHELF, SHELF
from taproot_servicedesk.surveys.scoring import RANGES
from taproot_storage.eventlog import Recorded


def to_event(survey: Survey, _recorded: Recorded) -> SurveyEvent:
    return SurveyEvent(survey=SHELF.message(row_of(survey)))


def response_to_event(response: SurveyResponse, recorded: Recorded) -> SurveyEvent:
    event = SurveyEvent(
        survey=SHELF.message(row_of(recorded.detail["survey"])),
        response=RESPONSE_SHELF.message(row_of(response)),
    )
    if "invitation" in recorded.detail:
        event.invitation.CopyFrom(SurveyInvitation(**recorded.detail["invitation"]))
    return event


def to_public(response: SurveyResponse, survey: Survey) -> rpc.PublicSurvey:
    low, high = RANGES[survey.kind]
    message = message_of(rpc.PublicSurvey, row_of(survey))
    message.min_score, message.max_score = low, high
    message.ticket_number = response.ticket_number
    return message
