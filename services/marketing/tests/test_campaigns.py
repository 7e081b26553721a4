"""Campaigns: one message to each member, once."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest_asyncio
from marketing_world import World, failure

from taproot.marketing.v1 import campaign_pb2 as pb
from taproot.marketing.v1 import campaign_service_pb2 as rpc
from taproot.marketing.v1 import template_service_pb2
from taproot.marketing.v1.campaign_service_pb2_grpc import CampaignsServiceStub
from taproot.marketing.v1.template_service_pb2_grpc import TemplatesServiceStub
from taproot_base import wire
from taproot_marketing.campaigns.handlers import run_campaigns
from taproot_testkit import Harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(service: Harness) -> Any:
    return service.stub(CampaignsServiceStub, await service.admin())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def template(service: Harness) -> str:
    stub = service.stub(TemplatesServiceStub, await service.admin())
    request = template_service_pb2.ListTemplatesRequest(filter='key = "welcome"')
    return (await stub.ListTemplates(request)).templates[0].id


async def campaign(desk: Any, world: World, template: str, members: int = 5, **values: Any) -> pb.Campaign:
    segment = str(uuid.uuid4())
    for _ in range(members):
        await world.member(segment, await world.customer())
    made = pb.Campaign(display_name="C", segment_id=segment, template_id=template, **values)
    return await desk.CreateCampaign(rpc.CreateCampaignRequest(campaign=made))


async def run(service: Harness) -> None:
    with service.system_call():
        while await run_campaigns(service.runtime.database):
            pass
        await run_campaigns(service.runtime.database)


async def get(desk: Any, key: str) -> pb.Campaign:
    return await desk.GetCampaign(rpc.GetCampaignRequest(id=key))


async def test_every_member_once_with_a_control_group(service, world, desk, template):
    made = await campaign(desk, world, template, 40, control_percent=25)
    await desk.StartCampaign(rpc.StartCampaignRequest(id=made.id))
    await asyncio.gather(*(run(service) for _ in range(3)))
    done = await get(desk, made.id)
    assert done.state == pb.CAMPAIGN_STATE_COMPLETED
    counts = done.statistics
    assert counts.target_count == 40
    assert 0 < counts.control_count < 25
    assert dict(counts.deliveries) == {"QUEUED": 40 - counts.control_count}


async def test_starts_at_its_time(service, world, desk, template):
    made = await campaign(desk, world, template)
    past = wire.to_timestamp(world.now - timedelta(hours=1))
    error = await failure(desk.ScheduleCampaign(rpc.ScheduleCampaignRequest(id=made.id, schedule_time=past)))
    assert error.violations[0].field == "schedule_time"
    at = wire.to_timestamp(world.now + timedelta(hours=1))
    await desk.ScheduleCampaign(rpc.ScheduleCampaignRequest(id=made.id, schedule_time=at))
    await run(service)
    assert (await get(desk, made.id)).state == pb.CAMPAIGN_STATE_SCHEDULED
    world.pass_time(timedelta(hours=1))
    await run(service)
    assert (await get(desk, made.id)).state == pb.CAMPAIGN_STATE_COMPLETED


async def test_stopping_takes_back_what_waits(service, world, desk, template):
    made = await campaign(desk, world, template)
    await desk.StartCampaign(rpc.StartCampaignRequest(id=made.id))
    with service.system_call():
        async with service.runtime.database.unit() as work:
            from taproot_marketing.campaigns.handlers import _run_batch

            await _run_batch(uuid.UUID(made.id), work)
    await desk.PauseCampaign(rpc.PauseCampaignRequest(id=made.id))
    await desk.StopCampaign(rpc.StopCampaignRequest(id=made.id))
    stopped = await get(desk, made.id)
    assert (stopped.state, dict(stopped.statistics.deliveries)) == (
        pb.CAMPAIGN_STATE_STOPPED,
        {"CANCELLED": 5},
    )


async def test_what_is_missing_is_told(desk, world, template):
    made = await desk.CreateCampaign(rpc.CreateCampaignRequest(campaign=pb.Campaign(display_name="C")))
    error = await failure(desk.StartCampaign(rpc.StartCampaignRequest(id=made.id)))
    assert (error.reason, "segment_id and template_id" in error.message) == ("CAMPAIGN_NOT_READY", True)


async def test_the_audience_is_fixed_once_started(desk, world, template):
    made = await campaign(desk, world, template)
    await desk.StartCampaign(rpc.StartCampaignRequest(id=made.id))
    change = pb.Campaign(id=made.id, segment_id=str(uuid.uuid4()))
    error = await failure(desk.UpdateCampaign(rpc.UpdateCampaignRequest(campaign=change)))
    assert error.reason == "CAMPAIGN_STARTED"
    assert (
        await failure(desk.DeleteCampaign(rpc.DeleteCampaignRequest(id=made.id)))
    ).reason == "CAMPAIGN_STARTED"


async def test_budget_is_kept_to_the_cent_and_summed(desk, world, template):
    from taproot.type.v1.money_pb2 import Money

    keys = [
        (await campaign(desk, world, template, 0, budget=Money(currency_code="CNY", amount="0.10"))).id
        for _ in range(3)
    ]
    text = " OR ".join(f'id = "{key}"' for key in keys)
    rows = await desk.AggregateCampaigns(
        rpc.AggregateCampaignsRequest(filter=text, group_by=["state"], measures=["sum(budget_amount)"])
    )
    assert [(row.keys[0], float(row.values[0])) for row in rows.rows] == [("draft", 0.3)]
    assert (await get(desk, keys[0])).budget.amount == "0.10"
