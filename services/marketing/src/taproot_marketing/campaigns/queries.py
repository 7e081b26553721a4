"""Reads of campaigns."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Uuid, and_, bindparam, func, or_, select

from taproot.marketing.v1 import campaign_pb2 as pb
from taproot_marketing.campaigns.model import Campaign, CampaignTarget
from taproot_marketing.deliveries.model import Delivery
from taproot_marketing.forms.model import FormSubmission
from taproot_marketing.segments.model import SegmentMember
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

FIELDS = (
    "id display_name state segment_id template_id schedule_time control_percent budget_amount cost_amount start_time"
    " end_time owner_id branch_id create_time update_time custom"
)
SHELF = Shelf(resource_of("campaign", Campaign, pb.Campaign, FIELDS), Campaign, pb.Campaign)
WORK = "campaigns run for every branch"
COUNTS = "counts of a campaign the caller sees"

_campaign = bindparam("campaign", type_=Uuid())
_targets = Statement(
    lambda: (
        select(CampaignTarget.control, func.count().label("count"))
        .where(CampaignTarget.campaign_id == _campaign)
        .group_by(CampaignTarget.control)
    )
)
_sent = Statement(
    lambda: (
        select(Delivery.state, func.count().label("count"))
        .where(Delivery.campaign_id == _campaign, unscoped(Delivery, COUNTS))
        .group_by(Delivery.state)
    )
)
_submitted = Statement(
    lambda: select(func.count()).where(
        FormSubmission.campaign_id == _campaign,
        FormSubmission.state == "accepted",
        unscoped(FormSubmission, COUNTS),
    )
)
_open = Statement(
    lambda: (
        select(Campaign.id)
        .where(
            or_(
                Campaign.state == "running",
                and_(Campaign.state == "scheduled", Campaign.schedule_time <= bindparam("now")),
            ),
            unscoped(Campaign, WORK),
        )
        .order_by(Campaign.id)
    )
)
_untouched = Statement(
    lambda: (
        select(SegmentMember.customer_id)
        .where(
            SegmentMember.segment_id == bindparam("segment", type_=Uuid()),
            SegmentMember.present,
            ~select(CampaignTarget.customer_id)
            .where(
                CampaignTarget.campaign_id == _campaign,
                CampaignTarget.customer_id == SegmentMember.customer_id,
            )
            .exists(),
        )
        .order_by(SegmentMember.customer_id)
        .limit(bindparam("most"))
    )
)


async def get_campaign(reader: Reader, key: str) -> pb.Campaign:
    """A campaign with its counts."""
    campaign = await SHELF.get(reader, key)
    identity, counts = uuid.UUID(key), campaign.statistics
    for row in await reader.fetch(_targets, campaign=identity):
        counts.target_count += row["count"]
        counts.control_count += row["count"] if row["control"] else 0
    for row in await reader.fetch(_sent, campaign=identity):
        counts.deliveries[row["state"].upper()] = row["count"]
    counts.submission_count = await reader.fetch_value(_submitted, campaign=identity)
    return campaign


async def due_campaigns(reader: Reader, now: datetime) -> list[uuid.UUID]:
    return [row["id"] for row in await reader.fetch(_open, now=now)]


async def untouched_members(
    reader: Reader, campaign_id: uuid.UUID, segment_id: uuid.UUID, most: int
) -> list[Any]:
    """Members of the segment the campaign has not dealt with yet."""
    rows = await reader.fetch(_untouched, campaign=campaign_id, segment=segment_id, most=most)
    return [row["customer_id"] for row in rows]


def waiting_deliveries(campaign_id: uuid.UUID, most: int) -> Any:
    return (
        select(Delivery)
        .where(
            Delivery.campaign_id == campaign_id,
            Delivery.state.in_(("queued", "failed_temporary")),
            unscoped(Delivery, WORK),
        )
        .order_by(Delivery.id)
        .limit(most)
        .with_for_update()
    )
