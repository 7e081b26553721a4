"""OpportunitiesService."""

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
from taproot_chassis.servicer import Servicer
from taproot_sales import fields
from taproot_sales.opportunities import commands, creating, handlers, queries
from taproot_sales.opportunities.messages import BY_VERB, SPECIAL, to_message, to_stage_change
from taproot_sales.opportunities.model import Opportunity
from taproot_sales.statuses import refused_before, to_status
from taproot_sales.stored import Stored
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists, aggregate

Handle = Callable[[Any, UnitOfWork], Awaitable[Opportunity]]


async def _get(reader: Reader, opportunity_id: str) -> pb.Opportunity:
    return to_message(await queries.get(reader, opportunity_id), reader.clock.now())


async def _get_again(reader: Reader, opportunity_id: str) -> pb.Opportunity:
    return to_message(await queries.get(reader, opportunity_id, deleted=True), reader.clock.now())


def _create_command(message: pb.Opportunity) -> commands.CreateOpportunity:
    values = fields.without_nulls(fields.values_of(message, fields.present(message), SPECIAL))
    return commands.CreateOpportunity(
        id=fields.key_of(message),
        pipeline_id=values.pop("pipeline_id", None),
        stage=values.pop("stage", ""),
        owner_id=optional_uuid(message.owner_id),
        branch_id=optional_uuid(message.branch_id),
        values=values,
    )


def _readable(message: pb.Opportunity) -> commands.CreateOpportunity | AppError:
    try:
        return _create_command(message)
    except AppError as error:
        return error


class OpportunitiesServicer(Servicer):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetOpportunity(self, request: rpc.GetOpportunityRequest, _context: Any) -> pb.Opportunity:
        return await self.read(lambda reader: _get(reader, request.id))

    async def ListOpportunities(
        self, request: rpc.ListOpportunitiesRequest, _context: Any
    ) -> rpc.ListOpportunitiesResponse:
        async def query(reader: Reader) -> rpc.ListOpportunitiesResponse:
            now = reader.clock.now()
            page = await self._lists.page(reader, queries.RESOURCE, queries.ROWS, Opportunity, request)
            deals = [to_message(Stored(row), now) for row in page.rows]
            return rpc.ListOpportunitiesResponse(opportunities=deals, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateOpportunities(
        self, request: rpc.AggregateOpportunitiesRequest, _context: Any
    ) -> rpc.AggregateOpportunitiesResponse:
        async def query(reader: Reader) -> rpc.AggregateOpportunitiesResponse:
            rows = await aggregate(reader, queries.RESOURCE, queries.ROWS, Opportunity, request)
            return rpc.AggregateOpportunitiesResponse(rows=rows)

        return await self.read(query)

    async def ListOpportunityStageChanges(
        self, request: rpc.ListOpportunityStageChangesRequest, _context: Any
    ) -> rpc.ListOpportunityStageChangesResponse:
        async def query(reader: Reader) -> rpc.ListOpportunityStageChangesResponse:
            page = await queries.stage_changes(reader, self._lists, request)
            return rpc.ListOpportunityStageChangesResponse(
                stage_changes=[to_stage_change(Stored(row)) for row in page.rows],
                next_page_token=page.next_page_token,
            )

        return await self.read(query)

    async def CreateOpportunity(self, request: rpc.CreateOpportunityRequest, _context: Any) -> pb.Opportunity:
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
        names = fields.changing(deal, request.update_mask, BY_VERB)
        values = fields.values_of(deal, names, SPECIAL)
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
        async def act(work: UnitOfWork) -> pb.Opportunity:
            deal = await handle(command, work)
            if not still_sees(deal, "opportunities.read"):
                return pb.Opportunity(id=str(deal.id), etag=deal.etag)
            return to_message(deal, work.clock.now())

        return await self.once(request, act, _get_again)


def _result(outcome: creating.Outcome, now: Any) -> rpc.BatchCreateOpportunitiesResult:
    if outcome.error is not None:
        return rpc.BatchCreateOpportunitiesResult(error=to_status(outcome.error))
    return rpc.BatchCreateOpportunitiesResult(opportunity=to_message(outcome.deal, now))


def _batch_ids(response: rpc.BatchCreateOpportunitiesResponse) -> str:
    return ",".join(result.opportunity.id for result in response.results)


async def _get_batch(reader: Reader, ids: str) -> rpc.BatchCreateOpportunitiesResponse:
    """A repeat: what was created is read again; what was refused then is not tried again."""
    keys, now = ids.split(","), reader.clock.now()
    known = await queries.get_all(reader, keys)
    gone: Status = refused_before()
    results = [
        rpc.BatchCreateOpportunitiesResult(opportunity=to_message(known[key], now))
        if key in known
        else rpc.BatchCreateOpportunitiesResult(error=gone)
        for key in keys
    ]
    return rpc.BatchCreateOpportunitiesResponse(results=results)
