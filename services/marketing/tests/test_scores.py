"""Scores: points for events, fading, and one call to sales for each crossing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest_asyncio
from marketing_world import World, failure

from taproot.marketing.v1 import customer_score_service_pb2 as rpc
from taproot.marketing.v1 import score_pb2 as pb
from taproot.marketing.v1 import score_rule_service_pb2 as rules
from taproot.marketing.v1.customer_score_service_pb2_grpc import CustomerScoresServiceStub
from taproot.marketing.v1.score_rule_service_pb2_grpc import ScoreRulesServiceStub
from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot_marketing.scores.handlers import cool_down
from taproot_testkit import Harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(service: Harness) -> Any:
    return service.stub(ScoreRulesServiceStub, await service.admin())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scores(service: Harness) -> Any:
    return service.stub(CustomerScoresServiceStub, await service.admin())


async def rule(desk: Any, event: str, points: int, text: str = "") -> pb.ScoreRule:
    made = pb.ScoreRule(display_name=event, event_type=event, points=points, filter=text)
    return await desk.CreateScoreRule(rules.CreateScoreRuleRequest(score_rule=made))


async def paid(service: Harness, world: World, customer: str, amount: str = "100") -> None:
    await service.deliver(world.payment(customer, amount))


async def score(scores: Any, customer: str) -> pb.CustomerScore:
    return await scores.GetCustomerScore(rpc.GetCustomerScoreRequest(customer_id=customer))


async def crossings(service: Harness, customer: str) -> list[str]:
    events = await service.events(0, of="score.*")
    return [e.name for e in events if str(e.party_id) == customer and e.name != "changed"]


async def test_hot_once_per_crossing_then_cold_then_hot_again(service, world, desk, scores):
    await rule(desk, "payment.received", 60, "event.amount >= 50")
    customer = await world.customer("Li Na")
    await paid(service, world, customer, "49.99")
    assert (await failure(score(scores, customer))).reason == "NOT_FOUND"
    for _ in range(3):
        await paid(service, world, customer)
    found = await score(scores, customer)
    assert (found.score, found.hot, found.display_name) == ("180.00", True, "Li Na")
    world.pass_time(timedelta(days=60))
    faded = await score(scores, customer)
    assert (faded.score, faded.hot) == ("45.00", False)
    with service.system_call():
        await cool_down(service.runtime.database)
    await paid(service, world, customer)
    assert (await score(scores, customer)).hot
    await service.events(1, of="score.hot")
    assert await crossings(service, customer) == ["hot", "cooled", "hot"]
    listed = await scores.ListCustomerScores(
        rpc.ListCustomerScoresRequest(filter="hot = true AND score > 100")
    )
    assert [s.customer_id for s in listed.customer_scores] == [customer]


async def test_one_event_counts_once_and_rules_look_forward_only(service, world, desk, scores):
    customer = await world.customer()
    ticket = TicketEvent()
    event = service.event("ticket.closed", ticket, customer, source="servicedesk", party_id=customer)
    world.pass_time(timedelta(seconds=1))
    await rule(desk, "ticket.closed", 10)
    await service.deliver(event)
    fresh = service.event("ticket.closed", ticket, customer, source="servicedesk", party_id=customer)
    for _ in range(2):
        await service.deliver(fresh)
    assert (await score(scores, customer)).score == "10.00"


async def test_settings_change_from_now_on(service, desk):
    before = await desk.GetScoreSettings(rules.GetScoreSettingsRequest())
    assert (before.half_life_days, before.hot_threshold) == (30, 100)
    change = rules.UpdateScoreSettingsRequest(settings=pb.ScoreSettings(hot_threshold=100, half_life_days=30))
    after = await desk.UpdateScoreSettings(change)
    stale = rules.UpdateScoreSettingsRequest(settings=pb.ScoreSettings(hot_threshold=5, etag="99"))
    assert (await failure(desk.UpdateScoreSettings(stale))).reason == "ETAG_MISMATCH"
    assert after.etag == "1"


async def test_faulty_rules_are_refused(desk):
    error = await failure(rule(desk, "score.hot", 5))
    assert error.violations[0].field == "score_rule.event_type"
    error = await failure(rule(desk, "score.hot", 0, "event.nonsense = 1"))
    fields = {violation.field for violation in error.violations}
    assert fields == {"score_rule.event_type", "score_rule.filter", "score_rule.points"}
    error = await failure(rule(desk, "ticket.created", 5, "event.nonsense = 1"))
    assert error.violations[0].field == "score_rule.filter"


async def test_the_owner_of_the_customer_is_the_owner_of_the_score(service, world, desk, scores):
    await rule(desk, "payment.allocated", 5)
    user = await service.add_user({"scores.read": "own"}, "/hq/e/sh/")
    customer = await world.customer()
    await service.deliver(world.payment(customer, "1", "allocated"))
    mine = service.stub(CustomerScoresServiceStub, user)
    assert (await failure(score(mine, customer))).reason == "NOT_FOUND"
    await world.change_customer(customer, 2, owner=user.subject, event="customer.assigned")
    assert (await score(mine, customer)).owner_id == user.subject
