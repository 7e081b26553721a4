"""gRPC of leads: parse, hand over, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from google.protobuf.json_format import MessageToDict

from taproot.sales.v1 import lead_pb2 as pb
from taproot.sales.v1 import lead_service_pb2 as rpc
from taproot_base.errors import InvalidArgument
from taproot_base.wire import enum_name, from_money, optional_date, optional_uuid
from taproot_chassis.placement import still_sees
from taproot_chassis.service import Runtime
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_sales.customer_refs.queries import find_customer
from taproot_sales.leads import commands, handlers, queries
from taproot_sales.leads.converting import CustomerFinder
from taproot_sales.leads.messages import BY_VERB, to_message, to_rates
from taproot_sales.leads.model import Lead
from taproot_storage.database import Reader, UnitOfWork

Handle = Callable[[Any, UnitOfWork], Awaitable[Lead]]


class LeadsServicer(ResourceServicer[pb.Lead]):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime, queries.SHELF)
        self._customers = CustomerFinder(runtime.peers)

    def answer(self, entity: Lead) -> pb.Lead:
        """Who gave the lead away learns no more than that."""
        if not still_sees(entity, "leads.read"):
            return pb.Lead(id=str(entity.id), etag=entity.etag)
        return to_message(entity)

    async def GetLead(self, request: rpc.GetLeadRequest, _context: Any) -> pb.Lead:
        return await self.get(request.id)

    async def ListLeads(self, request: rpc.ListLeadsRequest, _context: Any) -> rpc.ListLeadsResponse:
        return await self.page(request, rpc.ListLeadsResponse, "leads")

    async def AggregateLeads(
        self, request: rpc.AggregateLeadsRequest, _context: Any
    ) -> rpc.AggregateLeadsResponse:
        return await self.aggregate(request, rpc.AggregateLeadsResponse)

    async def CompareLeadRates(
        self, request: rpc.CompareLeadRatesRequest, _context: Any
    ) -> rpc.CompareLeadRatesResponse:
        async def query(reader: Reader) -> rpc.CompareLeadRatesResponse:
            rows = await queries.rates(reader, request.filter, request.group_by)
            return rpc.CompareLeadRatesResponse(rows=map(to_rates, rows))

        return await self.read(query)

    async def CreateLead(self, request: rpc.CreateLeadRequest, _context: Any) -> pb.Lead:
        message = request.lead
        values = given(message, Lead)
        command = commands.CaptureLead(
            chosen=message.id,
            owner_id=values.pop("owner_id", None),
            branch_id=values.pop("branch_id", None),
            values=values,
            hold=request.hold,
        )
        return await self._act(request, handlers.capture_lead, command)

    async def UpdateLead(self, request: rpc.UpdateLeadRequest, _context: Any) -> pb.Lead:
        message = request.lead
        values = changes(message, request.update_mask, Lead, BY_VERB)
        command = commands.UpdateLead(UUID(message.id), message.etag, values)
        return await self._act(request, handlers.update_lead, command)

    async def DeleteLead(self, request: rpc.DeleteLeadRequest, _context: Any) -> pb.Lead:
        command = commands.Verb(UUID(request.id), request.etag)
        return await self._act(request, handlers.delete_lead, command)

    async def UndeleteLead(self, request: rpc.UndeleteLeadRequest, _context: Any) -> pb.Lead:
        command = commands.Verb(UUID(request.id), request.etag)
        return await self._act(request, handlers.undelete_lead, command)

    async def AssignLead(self, request: rpc.AssignLeadRequest, _context: Any) -> pb.Lead:
        owner, branch = optional_uuid(request.owner_id), optional_uuid(request.branch_id)
        command = commands.AssignLead(UUID(request.id), request.etag, owner, branch)
        return await self._act(request, handlers.assign_lead, command)

    async def AcceptLead(self, request: rpc.AcceptLeadRequest, _context: Any) -> pb.Lead:
        command = commands.Verb(UUID(request.id), request.etag)
        return await self._act(request, handlers.accept_lead, command)

    async def VerifyLead(self, request: rpc.VerifyLeadRequest, _context: Any) -> pb.Lead:
        found = enum_name(pb.LeadVerification, request.verification, "LEAD_VERIFICATION_")
        urgency = enum_name(pb.LeadUrgency, request.urgency, "LEAD_URGENCY_")
        command = commands.VerifyLead(UUID(request.id), request.etag, found, urgency, request.note)
        return await self._act(request, handlers.verify_lead, command)

    async def FeedbackLead(self, request: rpc.FeedbackLeadRequest, _context: Any) -> pb.Lead:
        feedback = enum_name(pb.LeadFeedback, request.feedback, "LEAD_FEEDBACK_")
        next_contact = _day(request, "next_contact_date")
        command = commands.FeedbackLead(UUID(request.id), request.etag, feedback, request.note, next_contact)
        return await self._act(request, handlers.feedback_lead, command)

    async def ConvertLead(self, request: rpc.ConvertLeadRequest, _context: Any) -> pb.Lead:
        named = optional_uuid(request.customer_id)
        async with self.database.reading() as reader:
            lead = SimpleNamespace(**await queries.SHELF.row(reader, request.id))
            known = await find_customer(reader, named) if named else None
        key = known["id"] if known else named
        party = await self._customers.party_of(lead, key, known=known is not None)
        command = commands.ConvertLead(
            UUID(request.id),
            request.etag,
            customer_id=party.customer_id,
            contact_id=party.contact_id,
            pipeline_id=optional_uuid(request.pipeline_id),
            display_name=request.opportunity_display_name,
            amount=from_money(request.amount) if request.HasField("amount") else None,
            expected_close_date=_day(request, "expected_close_date"),
        )
        return await self._act(request, handlers.convert_lead, command)

    async def DisqualifyLead(self, request: rpc.DisqualifyLeadRequest, _context: Any) -> pb.Lead:
        command = commands.DisqualifyLead(
            UUID(request.id),
            request.etag,
            reason=enum_name(pb.LeadLossReason, request.loss_reason, "LEAD_LOSS_REASON_"),
            note=request.loss_note,
            competitor_id=optional_uuid(request.loss_competitor_id),
            survey=MessageToDict(request.loss_survey),
        )
        return await self._act(request, handlers.disqualify_lead, command)

    async def _act(self, request: Any, handle: Handle, command: Any) -> pb.Lead:
        return await self.change(request, lambda work: handle(command, work))


def _day(request: Any, name: str) -> Any:
    try:
        return optional_date(request, name)
    except ValueError as error:
        raise InvalidArgument([(name, str(error))]) from error
