"""Reads of opportunities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, delete, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import opportunity_pb2 as pb
from taproot.sales.v1 import opportunity_service_pb2 as rpc
from taproot_listing.fields import Field, FieldType
from taproot_listing.lists import Page
from taproot_records.reading import Shelf, resource_of
from taproot_records.writing import load_any
from taproot_sales.opportunities import messages
from taproot_sales.opportunities.model import Opportunity, StageChange, opportunity_members
from taproot_storage.database import Database, Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

T = Opportunity.__table__.c
LIVE = T.delete_time.is_(None)
RESOURCE = resource_of(
    "opportunity",
    Opportunity,
    pb.Opportunity,
    "id display_name search customer_id contact_id lead_id pipeline_id stage state forecast_category loss_reason "
    "amount expected_amount probability product_ids competitor_ids member_ids source region external_id campaign_id "
    "loss_competitor_id owner_id branch_id team_id open_time close_time stage_enter_time stall_time "
    "expected_close_date next_step_date create_time update_time custom",
    references=("customer_id",),
).with_fields(Field("amount.currency_code", T.currency_code, FieldType.TEXT))


class DealShelf(Shelf[pb.Opportunity]):
    async def messages(self, reader: Reader, rows: Sequence[Any]) -> list[pb.Opportunity]:
        now = reader.clock.now()
        return [messages.at_moment(self.message(row), row, now) for row in rows]


SHELF = DealShelf(RESOURCE, Opportunity, pb.Opportunity, messages.fill_lines, live=LIVE)
_taken = Statement(
    lambda: select(T.external_id).where(
        T.external_id == any_(bindparam("names", type_=ARRAY(Text()))),
        unscoped(Opportunity, "external ids are unique in the enterprise"),
    )
)
_stalled = Statement(
    lambda: (
        select(T.id)
        .where(
            T.state == "open",
            T.stall_time <= bindparam("now"),
            T.stall_noted.is_(False),
            LIVE,
            unscoped(Opportunity, "the stall alert is for every deal"),
        )
        .order_by(T.stall_time)
        .limit(200)
    )
)
_forget_members = Statement(
    lambda: delete(opportunity_members).where(
        opportunity_members.c.opportunity_id == any_(bindparam("keys", type_=ARRAY(Uuid())))
    )
)
_add_member = Statement(
    lambda: insert(opportunity_members).values(
        {name: bindparam(name) for name in ("opportunity_id", "owner_id")}
    )
)
_moves = Statement(
    lambda: select(func.max(StageChange.number)).where(StageChange.opportunity_id == bindparam("key"))
)


async def get_all(reader: Reader, keys: Iterable[str]) -> dict[str, pb.Opportunity]:
    wanted = [UUID(key) for key in keys if key]
    rows = await reader.fetch(
        select(Opportunity.__table__).where(LIVE, T.id.in_(wanted), visible(Opportunity))
    )
    return {deal.id: deal for deal in await SHELF.messages(reader, rows)}


_M = StageChange.__table__.c
_CHANGES = resource_of(
    "stage_change",
    StageChange,
    pb.OpportunityStageChange,
    "number from_stage to_stage change_time changed_by",
    "number",
)


async def stage_changes(
    reader: Reader, lists: Lists, request: rpc.ListOpportunityStageChangesRequest
) -> Page[Any]:
    """Of a deal the caller sees."""
    deal = (await SHELF.row(reader, request.id))["id"]
    rows = select(StageChange.__table__).where(_M.opportunity_id == deal)
    return await lists.page(reader, _CHANGES, rows, StageChange, request, str(deal))


async def load_for_job(work: UnitOfWork, opportunity_id: UUID) -> Opportunity:
    return await load_any(work, Opportunity, opportunity_id, "the stall alert is for every deal")


async def taken_external_ids(work: UnitOfWork, names: Iterable[str]) -> set[str]:
    rows = await work.fetch(_taken, names=list(names))
    return {row["external_id"] for row in rows}


async def stalled_ids(database: Database, now: datetime) -> list[UUID]:
    async with database.reading() as reader:
        return [row["id"] for row in await reader.fetch(_stalled, now=now)]


async def put_members(work: UnitOfWork, deals: Iterable[Opportunity]) -> None:
    """Members of a deal's team see it wherever it is."""
    changed = list(deals)
    await work.execute(_forget_members, keys=[deal.id for deal in changed])
    rows = [{"opportunity_id": deal.id, "owner_id": user} for deal in changed for user in deal.member_ids]
    await work.execute_many(_add_member, rows)


async def count_moves(work: UnitOfWork, opportunity_id: UUID) -> int:
    return int(await work.fetch_value(_moves, key=opportunity_id) or 0)
