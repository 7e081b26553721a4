"""Streams overtake each other: what happened to a customer may arrive before the customer."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from marketing_journeys import active, confirmed, counts_of, hello_template, send
from marketing_world import World

from taproot.marketing.v1 import campaign_pb2
from taproot.marketing.v1 import campaign_service_pb2 as campaigns
from taproot.marketing.v1 import journey_pb2 as pb
from taproot.marketing.v1 import loyalty_account_service_pb2 as accounts
from taproot.marketing.v1 import loyalty_pb2 as loyalty
from taproot.marketing.v1 import loyalty_program_service_pb2 as programs
from taproot.marketing.v1.campaign_service_pb2_grpc import CampaignsServiceStub
from taproot.marketing.v1.journey_service_pb2_grpc import JourneysServiceStub
from taproot.marketing.v1.loyalty_account_service_pb2_grpc import LoyaltyAccountsServiceStub
from taproot.marketing.v1.loyalty_program_service_pb2_grpc import LoyaltyProgramsServiceStub
from taproot_base.errors import Unavailable
from taproot_marketing.campaigns.handlers import run_campaigns
from taproot_marketing.customer_refs import awaiting
from taproot_testkit import Harness

OUTAGE = timedelta(hours=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def program(service: Harness, admin: Any) -> str:
    club = loyalty.LoyaltyProgram(
        display_name="Late", amount_per_point="10", currency_code="CNY", auto_join=True
    )
    desk = service.stub(LoyaltyProgramsServiceStub, admin)
    made = await desk.CreateLoyaltyProgram(programs.CreateLoyaltyProgramRequest(loyalty_program=club))
    return str(made.id)


async def accounts_of(service: Harness, admin: Any, customer: str, program: str) -> list[Any]:
    asked = accounts.ListLoyaltyAccountsRequest(
        filter=f'customer_id = "{customer}" AND program_id = "{program}"'
    )
    found = await service.stub(LoyaltyAccountsServiceStub, admin).ListLoyaltyAccounts(asked)
    return list(found.loyalty_accounts)


async def test_a_payment_waits_for_its_customer(service: Harness, world: World, admin: Any, program: str):
    customer = str(uuid.uuid4())
    paid = world.payment(customer, "40")
    world.pass_time(OUTAGE)  # what an outage has delayed is old when it arrives
    with pytest.raises(Unavailable):
        await service.deliver(paid, "loyalty-payments")
    assert await accounts_of(service, admin, customer, program) == []
    await world.change_customer(customer, 1, "Late")
    await service.deliver(paid, "loyalty-payments")
    (account,) = await accounts_of(service, admin, customer, program)
    assert (account.display_name, account.balance) == ("Late", 4)
    assert account.branch_id


async def test_a_journey_waits_for_its_customer_however_old_the_event(
    service: Harness, world: World, admin: Any
):
    desk = service.stub(JourneysServiceStub, admin)
    template = await hello_template(service, admin)
    journey = await active(desk, send("mail", template), event=pb.EventTrigger(event_type="order.confirmed"))
    customer = str(uuid.uuid4())
    event = confirmed(service, customer)
    world.pass_time(OUTAGE)
    with pytest.raises(Unavailable):
        await service.deliver(event, "journeys-sales")
    await world.change_customer(customer, 1, "Late")
    await service.deliver(event, "journeys-sales")
    assert (await counts_of(desk, journey)).entered_count == 1


async def test_a_customer_who_never_comes_is_not_waited_for_again(
    service: Harness, world: World, admin: Any, program: str, monkeypatch: pytest.MonkeyPatch
):
    customer = str(uuid.uuid4())
    paid = world.payment(customer, "40")
    with pytest.raises(Unavailable):
        await service.deliver(paid, "loyalty-payments")
    monkeypatch.setattr(awaiting, "PATIENCE_SECONDS", 0.0)
    await service.deliver(paid, "loyalty-payments")
    (account,) = await accounts_of(service, admin, customer, program)
    assert account.balance == 4


async def test_one_reader_takes_payments_and_their_reversals_in_order(service: Harness):
    readers = {
        kind: [
            consumer.subscription.name
            for consumer in service.process.consumers
            if consumer.subscription.source == "sales" and kind in consumer.subscription.events
        ]
        for kind in ("payment.received", "payment.reversed")
    }
    assert readers["payment.received"] == readers["payment.reversed"] == ["loyalty-payments"]


async def test_a_campaign_does_not_leave_out_a_member_whose_record_is_late(
    service: Harness, world: World, admin: Any
):
    desk = service.stub(CampaignsServiceStub, admin)
    segment, late = str(uuid.uuid4()), str(uuid.uuid4())
    await world.member(segment, await world.customer())
    await world.member(segment, late)
    made = await desk.CreateCampaign(
        campaigns.CreateCampaignRequest(
            campaign=campaign_pb2.Campaign(
                display_name="C", segment_id=segment, template_id=await hello_template(service, admin)
            )
        )
    )
    await desk.StartCampaign(campaigns.StartCampaignRequest(id=made.id))

    async def counted() -> tuple[int, int]:
        with service.system_call():
            while await run_campaigns(service.runtime.database):
                pass
        found = await desk.GetCampaign(campaigns.GetCampaignRequest(id=made.id))
        return found.state, found.statistics.deliveries["QUEUED"]

    assert await counted() == (campaign_pb2.CAMPAIGN_STATE_RUNNING, 1)
    await world.change_customer(late, 1, "Late")
    await counted()
    assert await counted() == (campaign_pb2.CAMPAIGN_STATE_COMPLETED, 2)


async def test_a_member_waits_at_the_journeys_door_for_its_own_record(
    service: Harness, world: World, admin: Any
):
    desk = service.stub(JourneysServiceStub, admin)
    segment, late = str(uuid.uuid4()), str(uuid.uuid4())
    template = await hello_template(service, admin)
    journey = await active(desk, send("mail", template), segment=pb.SegmentTrigger(segment_id=segment))
    with pytest.raises(Unavailable):
        await world.member(segment, late)
    await world.change_customer(late, 1, "Late")
    await world.member(segment, late)
    assert (await counts_of(desk, journey)).entered_count == 1
