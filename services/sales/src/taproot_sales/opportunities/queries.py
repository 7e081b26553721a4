"""Reads of opportunities."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, any_, bindparam, delete, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import opportunity_pb2 as pb
from taproot.sales.v1 import opportunity_service_pb2 as rpc
from taproot_base.errors import NotFound
from taproot_base.text import query_tokens
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.lists import Page
from taproot_records.references import reference_field
from taproot_sales.opportunities.model import Opportunity, StageChange, opportunity_members
from taproot_sales.stored import Stored
from taproot_storage.database import Database, Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

T = Opportunity.__table__.c
LIVE = T.delete_time.is_(None)
ROWS = select(Opportunity.__table__).where(LIVE)
_IDS = (
    "id", "contact_id", "lead_id", "pipeline_id", "campaign_id", "loss_competitor_id",
    "owner_id", "branch_id", "team_id",
)  # fmt: skip
_TEXTS = ("stage", "source", "region", "external_id")
_INSTANTS = ("open_time", "close_time", "stage_enter_time", "stall_time", "create_time", "update_time")
_DATES = ("expected_close_date", "next_step_date")
_ENUMS = {
    "state": pb.OpportunityState,
    "forecast_category": pb.ForecastCategory,
    "loss_reason": pb.OpportunityLossReason,
}
RESOURCE = Resource(
    "opportunity",
    (
        reference_field(T.customer_id),
        *(Field(name, T[name], FieldType.ID) for name in _IDS),
        *(Field(name, T[name], FieldType.TEXT) for name in _TEXTS),
        *(Field(name, T[name], FieldType.INSTANT) for name in _INSTANTS),
        *(Field(name, T[name], FieldType.DATE) for name in _DATES),
        *(Field(name, T[name], FieldType.ENUM, enum=values) for name, values in _ENUMS.items()),
        *(Field(name, T[name], FieldType.NUMBER) for name in ("amount", "expected_amount")),
        *(
            Field(name, T[name], FieldType.ID, repeated=True)
            for name in ("product_ids", "competitor_ids", "member_ids")
        ),
        Field("amount.currency_code", T.currency_code, FieldType.TEXT),
        Field("probability", T.probability, FieldType.INTEGER),
        Field("display_name", T.display_name, FieldType.TEXT, sort_column=T.sort_key),
        Field("search", T.search, FieldType.TEXT, repeated=True, terms=query_tokens),
        Field("custom", T.custom, FieldType.JSON),
    ),
    "create_time desc",
    T.id,
)
_ANY = select(Opportunity.__table__)
_one = Statement(lambda: ROWS.where(T.id == bindparam("key"), visible(Opportunity)))
_any = Statement(lambda: _ANY.where(T.id == bindparam("key"), visible(Opportunity)))
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


async def get(reader: Reader, opportunity_id: str | UUID, *, deleted: bool = False) -> Stored:
    """With `deleted` those in the recycle bin too."""
    row = await reader.fetch_row(_any if deleted else _one, key=UUID(str(opportunity_id)))
    if row is None:
        raise NotFound("opportunity", opportunity_id)
    return Stored(row)


async def get_all(reader: Reader, keys: Iterable[str]) -> dict[str, Stored]:
    wanted = [UUID(key) for key in keys if key]
    rows = await reader.fetch(ROWS.where(T.id.in_(wanted), visible(Opportunity)))
    return {str(row["id"]): Stored(row) for row in rows}


_M = StageChange.__table__.c
_CHANGES = Resource(
    "stage_change",
    (
        Field("number", _M.number, FieldType.INTEGER),
        Field("from_stage", _M.from_stage, FieldType.TEXT),
        Field("to_stage", _M.to_stage, FieldType.TEXT),
        Field("change_time", _M.change_time, FieldType.INSTANT),
        Field("changed_by", _M.changed_by, FieldType.TEXT),
    ),
    "number",
    _M.id,
)


async def stage_changes(
    reader: Reader, lists: Lists, request: rpc.ListOpportunityStageChangesRequest
) -> Page[Any]:
    """Of a deal the caller sees."""
    deal = await get(reader, request.id)
    rows = select(StageChange.__table__).where(_M.opportunity_id == deal.id)
    return await lists.page(reader, _CHANGES, rows, StageChange, request, str(deal.id))


async def load(work: UnitOfWork, opportunity_id: UUID, *, deleted: bool = False) -> Opportunity:
    """One deal for a verb: locked, so that a parallel verb sees the result of this one."""
    state: Any = T.delete_time.is_not(None) if deleted else LIVE
    statement = _locked(select(Opportunity).where(T.id == opportunity_id, state, visible(Opportunity)))
    return await _found(work, statement, opportunity_id)


async def load_for_job(work: UnitOfWork, opportunity_id: UUID) -> Opportunity:
    scope = unscoped(Opportunity, "the stall alert is for every deal")
    return await _found(
        work, _locked(select(Opportunity).where(T.id == opportunity_id, scope)), opportunity_id
    )


def _locked(statement: Select[Any]) -> Select[Any]:
    return statement.with_for_update(of=Opportunity)


async def _found(work: UnitOfWork, statement: Select[Any], key: UUID) -> Opportunity:
    found: Opportunity | None = await work.scalar(statement)
    if found is None:
        raise NotFound("opportunity", key)
    return found


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
