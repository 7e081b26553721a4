"""Reads of score rules, settings and scores."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Uuid, bindparam, select

from taproot.marketing.v1 import score_pb2 as pb
from taproot_base.errors import NotFound
from taproot_listing.fields import Field, FieldType
from taproot_marketing.scores.model import CustomerScore, ScoreRule, ScoreSettings
from taproot_marketing.scores.rules import Fading, Score, worth
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.redirects import root_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

RULE_FIELDS = "id display_name event_type points disabled owner_id branch_id create_time update_time"
FIELDS = "id customer_id display_name hot hot_time last_event_type owner_id branch_id create_time update_time"
RULES = Shelf(resource_of("scorerule", ScoreRule, pb.ScoreRule, RULE_FIELDS), ScoreRule, pb.ScoreRule)
_resource = resource_of(
    "customerscore",
    CustomerScore,
    pb.CustomerScore,
    FIELDS.removeprefix("id "),
    "update_time desc",
    references=("customer_id",),
).with_fields(Field("score", CustomerScore.__table__.c.value, FieldType.NUMBER))
SHELF = Shelf(_resource, CustomerScore, pb.CustomerScore)
WORK = "scoring serves customers of every branch"

_settings = Statement(lambda: select(ScoreSettings.__table__).where(ScoreSettings.id == 1))
_rules_for = Statement(
    lambda: (
        select(ScoreRule.__table__)
        .where(ScoreRule.event_type == bindparam("event_type"), ScoreRule.disabled.is_(False))
        .order_by(ScoreRule.create_time, ScoreRule.id)
    )
)
_of_customer = Statement(
    lambda: select(CustomerScore.__table__).where(
        CustomerScore.customer_id == root_of(bindparam("customer", type_=Uuid())), visible(CustomerScore)
    )
)


async def settings(reader: Reader) -> Any:
    return await reader.fetch_row(_settings)


async def fading(reader: Reader) -> Fading:
    row = await settings(reader)
    return Fading(row["half_life_days"], row["hot_threshold"]) if row else Fading()


async def rules_for(reader: Reader, event_type: str) -> list[Any]:
    return await reader.fetch(_rules_for, event_type=event_type)


async def get_score(reader: Reader, customer_id: str) -> Any:
    """Row of a customer's score, of its survivor's when it was merged. Raises NotFound."""
    row = await reader.fetch_row(_of_customer, customer=uuid.UUID(customer_id))
    if row is None:
        raise NotFound("score of customer", customer_id)
    return row


def score_for_change(customer_id: uuid.UUID) -> Any:
    condition = CustomerScore.customer_id == customer_id
    return select(CustomerScore).where(condition, unscoped(CustomerScore, WORK)).with_for_update()


def cooling(now: datetime) -> Any:
    """Hot scores that have faded to the threshold."""
    return (
        select(CustomerScore)
        .where(CustomerScore.hot, CustomerScore.cools_at <= now, unscoped(CustomerScore, WORK))
        .order_by(CustomerScore.cools_at)
        .limit(200)
        .with_for_update(skip_locked=True)
    )


def worth_of(row: Any, fading_: Fading, now: datetime) -> float:
    return worth(Score(row["value"], row["as_of"], row["hot"]), fading_, now)
