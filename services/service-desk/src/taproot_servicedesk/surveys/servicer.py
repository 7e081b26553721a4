"""gRPC of surveys: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.servicedesk.v1 import survey_pb2 as pb
from taproot.servicedesk.v1 import survey_response_pb2 as response_pb
from taproot.servicedesk.v1 import survey_response_service_pb2 as response_rpc
from taproot.servicedesk.v1 import survey_service_pb2 as rpc
from taproot_base.wire import optional_uuid, to_timestamp
from taproot_chassis.service import Runtime
from taproot_records.keeping import create_record, update_record
from taproot_records.mapping import row_of
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_servicedesk.customer_refs.door import CustomerDoor
from taproot_servicedesk.settings import ServiceDeskSettings
from taproot_servicedesk.surveys import handlers, messages, queries
from taproot_servicedesk.surveys.model import Survey
from taproot_storage.database import Reader, UnitOfWork


class SurveysServicer(ResourceServicer[pb.Survey]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.SHELF)
        self._customers = CustomerDoor(runtime)

    async def GetSurvey(self, request: rpc.GetSurveyRequest, _context: Any) -> pb.Survey:
        return await self.get(request.id)

    async def ListSurveys(self, request: rpc.ListSurveysRequest, _context: Any) -> rpc.ListSurveysResponse:
        return await self.page(request, rpc.ListSurveysResponse, "surveys")

    async def CreateSurvey(self, request: rpc.CreateSurveyRequest, _context: Any) -> pb.Survey:
        values = given(request.survey, Survey)
        return await self.change(request, lambda work: create_record(Survey, request.survey.id, values, work))

    async def UpdateSurvey(self, request: rpc.UpdateSurveyRequest, _context: Any) -> pb.Survey:
        message = request.survey
        values = changes(message, request.update_mask, Survey)
        return await self.change(
            request, lambda work: update_record(Survey, message.id, message.etag, values, work)
        )

    async def DeleteSurvey(self, request: rpc.DeleteSurveyRequest, _context: Any) -> pb.Survey:
        key = uuid.UUID(request.id)
        return await self.change(request, lambda work: handlers.delete_survey(key, request.etag, work))

    async def SendSurvey(self, request: rpc.SendSurveyRequest, _context: Any) -> response_pb.SurveyResponse:
        customer, ticket = optional_uuid(request.customer_id), optional_uuid(request.ticket_id)
        key = uuid.UUID(request.id)
        await self._customers.admit(request.customer_id)

        async def act(work: UnitOfWork) -> response_pb.SurveyResponse:
            sent = await handlers.send_survey(key, customer, ticket, work)
            return queries.RESPONSE_SHELF.message(row_of(sent))

        return await self.once(request, act, queries.RESPONSE_SHELF.get)


class SurveyResponsesServicer(ResourceServicer[response_pb.SurveyResponse]):
    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        super().__init__(runtime, queries.RESPONSE_SHELF)
        self._zone = runtime.settings.default_time_zone

    async def GetSurveyResponse(
        self, request: response_rpc.GetSurveyResponseRequest, _context: Any
    ) -> response_pb.SurveyResponse:
        return await self.get(request.id)

    async def ListSurveyResponses(
        self, request: response_rpc.ListSurveyResponsesRequest, _context: Any
    ) -> response_rpc.ListSurveyResponsesResponse:
        return await self.page(request, response_rpc.ListSurveyResponsesResponse, "survey_responses")

    async def AggregateSurveyResponses(
        self, request: response_rpc.AggregateSurveyResponsesRequest, _context: Any
    ) -> response_rpc.AggregateSurveyResponsesResponse:
        return await self.aggregate(request, response_rpc.AggregateSurveyResponsesResponse)

    async def GetPublicSurvey(
        self, request: response_rpc.GetPublicSurveyRequest, _context: Any
    ) -> response_rpc.PublicSurvey:
        async def query(reader: Reader) -> response_rpc.PublicSurvey:
            return messages.to_public(*await handlers.find_open(request.token, reader))

        return await self.read(query)

    async def AnswerSurvey(
        self, request: response_rpc.AnswerSurveyRequest, _context: Any
    ) -> response_rpc.AnswerSurveyResponse:
        score = request.score if request.HasField("score") else None
        answers = {answer.key: answer.text for answer in request.answers}
        answer = handlers.Answer(request.token, score, request.comment, answers)
        async with self.database.unit() as work:
            taken = await handlers.answer_survey(answer, self._zone, work)
        return response_rpc.AnswerSurveyResponse(answer_time=to_timestamp(taken))
