"""Use cases of campaigns."""

from __future__ import annotations

import uuid
import zlib
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from taproot_marketing.campaigns import queries
from taproot_marketing.campaigns.model import Campaign, CampaignNotReady, CampaignTarget
from taproot_marketing.customer_refs import queries as customers
from taproot_marketing.customer_refs.awaiting import may_come
from taproot_marketing.deliveries.handlers import Order, enqueue
from taproot_marketing.journeys.queries import usable_templates
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, load_any, moved, patched, placed
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.statements import Statement

BATCH = 200
_put_target = Statement(
    lambda: (
        insert(CampaignTarget)
        .values({name: bindparam(name) for name in ("campaign_id", "customer_id", "control")})
        .on_conflict_do_nothing()
    )
)


async def create_campaign(campaign_id: uuid.UUID, values: Values, work: UnitOfWork) -> Campaign:
    values.pop("schedule_time", None)
    campaign = Campaign.create(campaign_id, await placed(work, "campaigns", values), work.clock.now())
    await work.add(campaign)
    return campaign


async def update_campaign(key: str, etag: str, values: Values, work: UnitOfWork) -> Campaign:
    campaign = await load(work, Campaign, key, etag)
    campaign.change(patched(campaign, await moved(work, "campaigns", campaign, values)), work.clock.now())
    return campaign


async def delete_campaign(key: str, etag: str, work: UnitOfWork) -> Campaign:
    campaign = await load(work, Campaign, key, etag)
    campaign.remove(work.clock.now())
    await discard(work, campaign)
    return campaign


async def schedule_campaign(key: str, etag: str, at: datetime, work: UnitOfWork) -> Campaign:
    campaign = await load(work, Campaign, key, etag)
    campaign.schedule(at, work.clock.now())
    await _require_template(campaign, work)
    return campaign


async def start_campaign(key: str, etag: str, work: UnitOfWork) -> Campaign:
    campaign = await load(work, Campaign, key, etag)
    campaign.start(work.clock.now())
    await _require_template(campaign, work)
    return campaign


async def _require_template(campaign: Campaign, work: UnitOfWork) -> str:
    """Message class of the campaign's template."""
    assert campaign.template_id is not None
    classes = await usable_templates(work, [campaign.template_id])
    if campaign.template_id not in classes:
        raise CampaignNotReady("the template is not found or out of use")
    return classes[campaign.template_id]


async def pause_campaign(key: str, etag: str, work: UnitOfWork) -> Campaign:
    campaign = await load(work, Campaign, key, etag)
    campaign.pause(work.clock.now())
    return campaign


async def stop_campaign(key: str, etag: str, work: UnitOfWork) -> Campaign:
    """End it and take back what waits."""
    campaign = await load(work, Campaign, key, etag)
    campaign.stop(work.clock.now())
    while waiting := await work.scalars(queries.waiting_deliveries(campaign.id, BATCH)):
        for delivery in waiting:
            delivery.cancel(work.clock.now())
        await work.flush()
    return campaign


# ---------------------------------------------------------------- running


async def run_campaigns(database: Database) -> int:
    """Job: queue the messages of campaigns under way, a batch of each in one transaction."""
    async with database.reading() as reader:
        due = await queries.due_campaigns(reader, reader.clock.now())
    queued = 0
    for campaign_id in due:
        async with database.unit() as work:
            queued += await _run_batch(campaign_id, work)
    return queued


async def _run_batch(campaign_id: uuid.UUID, work: UnitOfWork) -> int:
    """The next members; none left: the campaign is complete."""
    campaign = await load_any(work, Campaign, campaign_id, queries.WORK)
    if campaign.state == "scheduled":
        campaign.start(work.clock.now())
    if campaign.state != "running":
        return 0
    message_class = await _require_template(campaign, work)
    assert campaign.segment_id is not None
    members = await queries.untouched_members(work, campaign.id, campaign.segment_id, BATCH)
    done = [await _deal_with(campaign, customer_id, message_class, work) for customer_id in members]
    if not members:
        campaign.complete(work.clock.now())
    return sum(done)


async def _deal_with(
    campaign: Campaign, customer_id: uuid.UUID, message_class: str, work: UnitOfWork
) -> bool:
    """False for a member whose own record may still be on its way: the next run looks again."""
    control = in_control_group(campaign.id, customer_id, campaign.control_percent)
    customer: Any = None if control else await customers.find_customer(work, customer_id)
    if customer is None and not control and may_come(customer_id):
        return False
    await work.execute(_put_target, campaign_id=campaign.id, customer_id=customer_id, control=control)
    if customer is None:
        return True
    assert campaign.template_id is not None
    order = Order(
        business_key=f"campaign:{campaign.id}:{customer['id']}",
        source="campaign",
        template_id=campaign.template_id,
        message_class=message_class,
        customer=customer,
        context={"campaign": {"display_name": campaign.display_name}},
        campaign_id=campaign.id,
    )
    await enqueue(order, work)
    return True


def in_control_group(campaign_id: uuid.UUID, customer_id: uuid.UUID, percent: int) -> bool:
    """By chance, but the same at every look: a hash of campaign and customer."""
    return zlib.crc32(campaign_id.bytes + customer_id.bytes) % 100 < percent
