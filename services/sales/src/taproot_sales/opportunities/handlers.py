"""Use cases of opportunities; opening them is in creating.py."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import Placer
from taproot_records.keeping import flush_unique
from taproot_records.writing import load, patched
from taproot_sales.competitors.queries import known_competitors
from taproot_sales.opportunities import queries
from taproot_sales.opportunities.commands import (
    AssignOpportunity,
    LoseOpportunity,
    MoveStage,
    UpdateOpportunity,
    Verb,
    WinOpportunity,
)
from taproot_sales.opportunities.creating import complete, stage_change
from taproot_sales.opportunities.model import Opportunity
from taproot_sales.pipelines.handlers import pipeline_of
from taproot_storage.database import UnitOfWork


async def _load(command: Verb, work: UnitOfWork) -> Opportunity:
    return await load(work, Opportunity, command.id, command.etag, deleted=False)


async def update_opportunity(command: UpdateOpportunity, work: UnitOfWork) -> Opportunity:
    deal = await _load(command, work)
    pipeline = await pipeline_of(work, deal.pipeline_id)
    stage = pipeline.stage(deal.stage)
    assert stage is not None
    values = await complete(patched(deal, command.values), work)
    deal.change_in(stage, values, work.clock.now())
    await flush_unique(work, Opportunity.refusals)
    if "member_ids" in command.values:
        await queries.put_members(work, [deal])
    return deal


async def assign_opportunity(command: AssignOpportunity, work: UnitOfWork) -> Opportunity:
    deal = await _load(command, work)
    branch = command.branch_id or (None if command.owner_id else deal.branch_id)
    place = await Placer("opportunities", work).place(command.owner_id or deal.owner_id, branch, "assign")
    deal.assign(place, work.clock.now())
    return deal


async def move_stage(command: MoveStage, work: UnitOfWork) -> Opportunity:
    deal = await _load(command, work)
    deal.require_open()
    pipeline = await pipeline_of(work, deal.pipeline_id)
    before, entered = deal.stage, deal.stage_enter_time
    deal.move(pipeline.open_stage(command.stage), work.clock.now())
    if deal.stage != before:
        await _note_move(deal, before, entered, work)
    return deal


async def win_opportunity(command: WinOpportunity, work: UnitOfWork) -> Opportunity:
    deal = await _load(command, work)
    pipeline = await pipeline_of(work, deal.pipeline_id)
    before, entered = deal.stage, deal.stage_enter_time
    deal.win(pipeline.won_stage, command.note, work.clock.now())
    await _note_move(deal, before, entered, work)
    return deal


async def lose_opportunity(command: LoseOpportunity, work: UnitOfWork) -> Opportunity:
    deal = await _load(command, work)
    await _check_competitor(command.competitor_id, work)
    pipeline = await pipeline_of(work, deal.pipeline_id)
    before, entered = deal.stage, deal.stage_enter_time
    now = work.clock.now()
    deal.lose(pipeline.lost_stage, command.reason, command.note, command.competitor_id, now)
    await _note_move(deal, before, entered, work)
    return deal


async def _check_competitor(competitor_id: UUID | None, work: UnitOfWork) -> None:
    if competitor_id is not None and not await known_competitors(work, [competitor_id]):
        raise InvalidArgument([("loss_competitor_id", "is not a competitor")])


async def reopen_opportunity(command: MoveStage, work: UnitOfWork) -> Opportunity:
    deal = await _load(command, work)
    pipeline = await pipeline_of(work, deal.pipeline_id)
    before, entered = deal.stage, deal.stage_enter_time
    key = command.stage or deal.last_open_stage or pipeline.first_stage.key
    deal.reopen(pipeline.open_stage(key), work.clock.now())
    await _note_move(deal, before, entered, work)
    return deal


async def _note_move(deal: Opportunity, before: str, entered: datetime, work: UnitOfWork) -> None:
    number = await queries.count_moves(work, deal.id) + 1
    spent = int((deal.stage_enter_time - entered).total_seconds())
    await work.add(stage_change(deal, number, before, deal.stage_enter_time, spent))


async def delete_opportunity(command: Verb, work: UnitOfWork) -> Opportunity:
    deal = await _load(command, work)
    deal.delete(work.clock.now())
    return deal


async def undelete_opportunity(command: Verb, work: UnitOfWork) -> Opportunity:
    deal = await load(work, Opportunity, command.id, command.etag, deleted=True)
    deal.undelete(work.clock.now())
    return deal


async def note_stall(opportunity_id: UUID, work: UnitOfWork) -> None:
    """The deal may have moved on since it was found stalled."""
    deal = await queries.load_for_job(work, opportunity_id)
    now = work.clock.now()
    due = deal.stall_time is not None and deal.stall_time <= now
    if due and deal.state == "open" and not deal.stall_noted and deal.delete_time is None:
        deal.note_stall(now)
