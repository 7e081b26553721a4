"""Reads of insights and of their results, and the pages of customers they are worked out from."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, delete, func, insert, literal_column, select, true
from sqlalchemy.sql.elements import ColumnElement

from taproot.customer.v1 import insight_pb2 as pb
from taproot_base.context import current_call
from taproot_customer.analysis.model import Insight, insight_cells, insight_scores
from taproot_customer.customers import queries as customers
from taproot_customer.customers.model import Customer
from taproot_customer.purchases.queries import Sight, records
from taproot_customer.reading import column_names
from taproot_customer.results import SUCCEEDED
from taproot_customer.searching import name_field
from taproot_customer.timeline.model import timeline
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.filter_sql import filter_sql
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import filter_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

PAGE = 5000
PART = 10_000
_c = Customer.__table__.c
_s, _l = insight_scores.c, insight_cells.c
_MONEY = "financial"

RESOURCE = resource_of(
    "insight",
    Insight,
    pb.Insight,
    "id display_name kind state currency_code reference_date customer_count order_count score_count cell_count "
    "owner_id branch_id create_time update_time",
)


def _name_operation(message: pb.Insight, row: Any) -> None:
    message.operation = f"operations/customer/{row['operation_id']}"


SHELF = Shelf(RESOURCE, Insight, pb.Insight, _name_operation)

SCORES = Resource(
    "insight_score",
    [
        Field("customer_id", _s.customer_id, FieldType.ID, sortable=False),
        name_field("customer_display_name", _c),
        Field("group", _s.group, FieldType.TEXT),
        Field("first_purchase_date", _s.first_purchase_date, FieldType.DATE),
        Field("last_purchase_date", _s.last_purchase_date, FieldType.DATE),
        Field("recency_days", _s.recency_days, FieldType.INTEGER),
        Field("purchase_count", _s.purchase_count, FieldType.INTEGER),
        Field("amount", _s.amount, FieldType.NUMBER, sensitive_class=_MONEY),
        Field("recency_score", _s.recency_score, FieldType.INTEGER),
        Field("frequency_score", _s.frequency_score, FieldType.INTEGER),
        Field("monetary_score", _s.monetary_score, FieldType.INTEGER, sensitive_class=_MONEY),
        Field("alive_probability", _s.alive_probability, FieldType.NUMBER),
        Field("churn_probability", _s.churn_probability, FieldType.NUMBER),
        Field("expected_purchases", _s.expected_purchases, FieldType.NUMBER),
        Field("lifetime_value", _s.lifetime_value, FieldType.NUMBER, sensitive_class=_MONEY),
        Field("share", _s.share, FieldType.NUMBER, sensitive_class=_MONEY),
        Field("cumulative_share", _s.cumulative_share, FieldType.NUMBER, sensitive_class=_MONEY),
        Field("region", _c.region, FieldType.TEXT),
        Field("industry", _c.industry, FieldType.TEXT),
        Field("source", _c.source, FieldType.TEXT),
        Field("owner_id", _c.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
    ],
    default_order="last_purchase_date desc",
    id_column=_s.customer_id,
)
CELLS = Resource(
    "insight_cell",
    [
        Field("id", _l.id, FieldType.ID, sortable=False),
        Field("number", _l.number, FieldType.INTEGER),
        Field("row", _l.row, FieldType.TEXT),
        Field("column", _l.column, FieldType.TEXT),
        Field("customer_count", _l.customer_count, FieldType.INTEGER),
        Field("order_count", _l.order_count, FieldType.INTEGER),
        Field("share", _l.share, FieldType.NUMBER),
        Field("confidence", _l.confidence, FieldType.NUMBER),
        Field("lift", _l.lift, FieldType.NUMBER),
        Field("amount", _l.amount, FieldType.NUMBER, sensitive_class=_MONEY),
    ],
    default_order="number",
    id_column=_l.id,
)


def _key(insight: Any) -> uuid.UUID:
    """Results show once they are whole."""
    return insight["id"] if insight["state"] == SUCCEEDED else uuid.UUID(int=0)


def listed_scores(insight: Any) -> Select[Any]:
    """Of customers that live: what was merged or deleted since shows no more."""
    return (
        select(insight_scores, _c.display_name.label("customer_display_name"))
        .join_from(insight_scores, Customer.__table__, _c.id == _s.customer_id)
        .where(_s.insight_id == _key(insight), _c.delete_time.is_(None))
    )


def listed_cells(insight: Any) -> Select[Any]:
    return select(insight_cells).where(_l.insight_id == _key(insight))


def part_of_scores(insight: Any, part: int) -> Select[Any]:
    rows = listed_scores(insight).where(visible(Customer))
    return rows.order_by(_s.customer_id).limit(PART).offset(part * PART)


def part_of_cells(insight: Any, part: int) -> Select[Any]:
    return listed_cells(insight).order_by(_l.number).limit(PART).offset(part * PART)


# What a run reads.


def wanted(text: str, now: dt.datetime) -> ColumnElement[bool]:
    """Living customers the caller sees that meet the filter. Raises InvalidListing."""
    checked = filter_of(customers.RESOURCE, text, current_call().masked)
    return and_(_c.delete_time.is_(None), filter_sql(checked, now), visible(Customer))


async def count(reader: Reader, condition: ColumnElement[bool]) -> int:
    return int(await reader.fetch_value(select(func.count()).select_from(Customer).where(condition)))


async def page_of_ids(
    reader: Reader, condition: ColumnElement[bool], after: uuid.UUID | None
) -> list[uuid.UUID]:
    later = true() if after is None else _c.id > after
    limit: ColumnElement[int] = literal_column(str(PAGE))
    rows = await reader.fetch(select(_c.id).where(condition, later).order_by(_c.id).limit(limit))
    return [row["id"] for row in rows]


def happened(
    ids: Sequence[uuid.UUID], steps: Sequence[str], before: dt.datetime, sight: Sight
) -> Select[Any]:
    """(customer, when, what) of the timelines, as far as they may be read."""
    keys = records(ids, sight)
    return (
        select(keys.c.root, timeline.c.occurred_at, timeline.c.event_type)
        .join_from(keys, timeline, timeline.c.customer_id == keys.c.key)
        .where(
            timeline.c.event_type.in_(steps),
            timeline.c.occurred_at < before,
            sight.rows(timeline, keys.c.near),
        )
        .order_by(keys.c.root)
    )


# What a run writes.


def _all(table: Any) -> Statement:
    return Statement(lambda: insert(table).values({name: bindparam(name) for name in column_names(table)}))


put_score, put_cell = _all(insight_scores), _all(insight_cells)
_forget = [
    Statement(lambda: delete(insight_scores).where(_s.insight_id == bindparam("key"))),
    Statement(lambda: delete(insight_cells).where(_l.insight_id == bindparam("key"))),
]


async def forget_results(work: UnitOfWork, key: uuid.UUID) -> None:
    for statement in _forget:
        await work.execute(statement, key=key)


def for_run(key: uuid.UUID) -> Any:
    reason = "a run works out the insight it was started for"
    return select(Insight).where(Insight.id == key, unscoped(Insight, reason)).with_for_update()
