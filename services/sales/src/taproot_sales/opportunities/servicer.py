"""gRPC of opportunities: parse, hand over, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from google.rpc.status_pb2 import Status

from taproot.sales.v1 import opportunity_pb2 as pb
from taproot.sales.v1 import opportunity_service_pb2 as rpc
from taproot_base.errors import AppError
from taproot_base.wire import enum_name, optional_uuid
from taproot_chassis.placement import still_sees
from taproot_chassis.service import Runtime
from taproot_records.serving import ResourceServicer
from taproot_records.statuses import refused_before, to_status
from taproot_sales.opportunities import commands, creating, handlers, queries
from taproot_sales.opportunities.messages import changes_of, given_deal, to_message, to_stage_change
from taproot_sales.opportunities.model import Opportunity
from taproot_sales.sales_lines.customers import CustomerDoor
from taproot_storage.database import Reader, UnitOfWork

Handle = Callable[[Any, UnitOfWork], Awaitable[Opportunity]]


def _create_command(message: pb.Opportunity) -> commands.CreateOpportunity:
    values = given_deal(message)
    return commands.CreateOpportunity(
        chosen=message.id,
        pipeline_id=values.pop("pipeline_id", None),
        stage=values.pop("stage", ""),
        owner_id=values.pop("owner_id", None),
        branch_id=values.pop("branch_id", None),
        values=values,
    )


def _readable(message: pb.Opportunity) -> commands.CreateOpportunity | AppError:
    try:
        return _create_command(message)
    except AppError as error:
        return error


class OpportunitiesServicer(ResourceServicer[pb.Opportunity]):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime, queries.SHELF)
        self._clock = runtime.clock
        self._customers = CustomerDoor(runtime)

    def answer(self, entity: Opportunity) -> pb.Opportunity:
        """Who gave the deal away learns no more than that."""
        if not still_sees(entity, "opportunities.read"):
            return pb.Opportunity(id=str(entity.id), etag=entity.etag)
        return to_message(entity, self._clock.now())

    async def GetOpportunity(self, request: rpc.GetOpportunityRequest, _context: Any) -> pb.Opportunity:
        return await self.get(request.id)

    async def ListOpportunities(
        self, request: rpc.ListOpportunitiesRequest, _context: Any
    ) -> rpc.ListOpportunitiesResponse:
        return await self.page(request, rpc.ListOpportunitiesResponse, "opportunities")

    async def AggregateOpportunities(
        self, request: rpc.AggregateOpportunitiesRequest, _context: Any
    ) -> rpc.AggregateOpportunitiesResponse:
        return await self.aggregate(request, rpc.AggregateOpportunitiesResponse)

    async def ListOpportunityStageChanges(
        self, request: rpc.ListOpportunityStageChangesRequest, _context: Any
    ) -> rpc.ListOpportunityStageChangesResponse:
        async def query(reader: Reader) -> rpc.ListOpportunityStageChangesResponse:
            page = await queries.stage_changes(reader, self.lists, request)
            return rpc.ListOpportunityStageChangesResponse(
                stage_changes=[to_stage_change(row) for row in page.rows],
                next_page_token=page.next_page_token,
            )

        return await self.read(query)

    async def CreateOpportunity(self, request: rpc.CreateOpportunityRequest, _context: Any) -> pb.Opportunity:
        await self._customers.admit([request.opportunity.customer_id])
        return await self._act(request, creating.create_opportunity, _create_command(request.opportunity))

    async def BatchCreateOpportunities(
        self, request: rpc.BatchCreateOpportunitiesRequest, _context: Any
    ) -> rpc.BatchCreateOpportunitiesResponse:
        asked = [_readable(part.opportunity) for part in request.requests]

        async def act(work: UnitOfWork) -> rpc.BatchCreateOpportunitiesResponse:
            outcomes = await creating.create_opportunities(asked, work, partial=request.partial)
            now = work.clock.now()
            return rpc.BatchCreateOpportunitiesResponse(
                results=[_result(outcome, now) for outcome in outcomes]
            )

        return await self.once(request, act, _get_batch, result_id=_batch_ids)

    async def UpdateOpportunity(self, request: rpc.UpdateOpportunityRequest, _context: Any) -> pb.Opportunity:
        deal = request.opportunity
        values = changes_of(deal, request.update_mask)
        command = commands.UpdateOpportunity(UUID(deal.id), deal.etag, values)
        return await self._act(request, handlers.update_opportunity, command)

    async def DeleteOpportunity(self, request: rpc.DeleteOpportunityRequest, _context: Any) -> pb.Opportunity:
        command = commands.Verb(UUID(request.id), request.etag)
        return await self._act(request, handlers.delete_opportunity, command)

    async def UndeleteOpportunity(
        self, request: rpc.UndeleteOpportunityRequest, _context: Any
    ) -> pb.Opportunity:
        command = commands.Verb(UUID(request.id), request.etag)
        return await self._act(request, handlers.undelete_opportunity, command)

    async def AssignOpportunity(self, request: rpc.AssignOpportunityRequest, _context: Any) -> pb.Opportunity:
        owner, branch = optional_uuid(request.owner_id), optional_uuid(request.branch_id)
        command = commands.AssignOpportunity(UUID(request.id), request.etag, owner, branch)
        return await self._act(request, handlers.assign_opportunity, command)

    async def MoveOpportunityStage(
        self, request: rpc.MoveOpportunityStageRequest, _context: Any
    ) -> pb.Opportunity:
        command = commands.MoveStage(UUID(request.id), request.etag, request.stage)
        return await self._act(request, handlers.move_stage, command)

    async def WinOpportunity(self, request: rpc.WinOpportunityRequest, _context: Any) -> pb.Opportunity:
        command = commands.WinOpportunity(UUID(request.id), request.etag, request.note)
        return await self._act(request, handlers.win_opportunity, command)

    async def LoseOpportunity(self, request: rpc.LoseOpportunityRequest, _context: Any) -> pb.Opportunity:
        reason = enum_name(pb.OpportunityLossReason, request.loss_reason, "OPPORTUNITY_LOSS_REASON_")
        competitor = optional_uuid(request.loss_competitor_id)
        command = commands.LoseOpportunity(UUID(request.id), request.etag, reason, request.note, competitor)
        return await self._act(request, handlers.lose_opportunity, command)

    async def ReopenOpportunity(self, request: rpc.ReopenOpportunityRequest, _context: Any) -> pb.Opportunity:
        command = commands.MoveStage(UUID(request.id), request.etag, request.stage)
        return await self._act(request, handlers.reopen_opportunity, command)

    async def _act(self, request: Any, handle: Handle, command: Any) -> pb.Opportunity:
        return await self.change(request, lambda work: handle(command, work))


def _result(outcome: creating.Outcome, now: Any) -> rpc.BatchCreateOpportunitiesResult:
    if outcome.error is not None:
        return rpc.BatchCreateOpportunitiesResult(error=to_status(outcome.error))
    assert outcome.deal is not None
    return rpc.BatchCreateOpportunitiesResult(opportunity=to_message(outcome.deal, now))


def _batch_ids(response: rpc.BatchCreateOpportunitiesResponse) -> str:
    return ",".join(result.opportunity.id for result in response.results)


async def _get_batch(reader: Reader, ids: str) -> rpc.BatchCreateOpportunitiesResponse:
    """A repeat: what was created is read again; what was refused then is not tried again."""
    keys = ids.split(",")
    known = await queries.get_all(reader, keys)
    gone: Status = refused_before()
    results = [
        rpc.BatchCreateOpportunitiesResult(opportunity=known[key])
        if key in known
        else rpc.BatchCreateOpportunitiesResult(error=gone)
        for key in keys
    ]
    return rpc.BatchCreateOpportunitiesResponse(results=results)
