"""Reads of competitors. The library is one for the whole enterprise: not scoped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import competitor_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_sales.competitors.model import Competitor
from taproot_sales.opportunities.model import Opportunity
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

T = Competitor.__table__.c
O = Opportunity.__table__.c  # noqa: E741  # reads well beside T
LIVE = T.delete_time.is_(None)
RESOURCE = resource_of(
    "competitor",
    Competitor,
    pb.Competitor,
    "id display_name search create_time update_time custom",
    "display_name",
)
SHELF = Shelf(RESOURCE, Competitor, pb.Competitor, live=LIVE)
_known = Statement(lambda: select(T.id).where(T.id == any_(bindparam("keys", type_=ARRAY(Uuid()))), LIVE))


async def known_competitors(reader: Reader, keys: Sequence[UUID]) -> set[UUID]:
    return {row["id"] for row in await reader.fetch(_known, keys=list(keys))}


async def compare(reader: Reader, start: datetime | None, end: datetime | None, currency: str) -> list[Any]:
    return await reader.fetch(_comparison(start, end, currency))


def _comparison(start: datetime | None, end: datetime | None, currency: str) -> Select[Any]:
    seen = _seen(start, end)
    ours = seen.c.currency_code == currency
    won, lost = seen.c.state == "won", seen.c.state == "lost"
    none = Decimal(0)
    return (
        select(
            seen.c.competitor_id,
            T.display_name,
            func.count().label("seen"),
            func.count().filter(seen.c.state == "open").label("open"),
            func.count().filter(won).label("won"),
            func.count().filter(lost).label("lost"),
            func.count().filter(lost, seen.c.loss_competitor_id == seen.c.competitor_id).label("lost_to"),
            func.coalesce(func.sum(seen.c.amount).filter(won, ours), none).label("won_amount"),
            func.coalesce(func.sum(seen.c.amount).filter(lost, ours), none).label("lost_amount"),
        )
        .join(Competitor.__table__, T.id == seen.c.competitor_id)
        .group_by(seen.c.competitor_id, T.display_name)
        .order_by(func.count().desc(), T.display_name, seen.c.competitor_id)
        .limit(1000)
    )


def _seen(start: datetime | None, end: datetime | None) -> Any:
    """One row per deal and competitor seen in it."""
    rows = select(
        func.unnest(O.competitor_ids).label("competitor_id"),
        O.state,
        O.amount,
        O.currency_code,
        O.loss_competitor_id,
    ).where(visible(Opportunity), O.delete_time.is_(None))
    if start is not None:
        rows = rows.where(O.open_time >= start)
    if end is not None:
        rows = rows.where(O.open_time < end)
    return rows.subquery("seen")
