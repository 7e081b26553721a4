"""Streams overtake each other: what happened to a customer may arrive before the customer."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from marketing_journeys import active, confirmed, counts_of, hello_template, send
from marketing_world import World

from taproot.marketing.v1 import journey_pb2 as pb
from taproot.marketing.v1 import loyalty_account_service_pb2 as accounts
from taproot.marketing.v1 import loyalty_pb2 as loyalty
from taproot.marketing.v1 import loyalty_program_service_pb2 as programs
from taproot.marketing.v1.journey_service_pb2_grpc import JourneysServiceStub
from taproot.marketing.v1.loyalty_account_service_pb2_grpc import LoyaltyAccountsServiceStub
from taproot.marketing.v1.loyalty_program_service_pb2_grpc import LoyaltyProgramsServiceStub
from taproot_base.errors import Unavailable
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
