"""Many lives at once while every process is killed in turn: all complete, nothing happens twice, nothing is missing.

TAPROOT_LIVES sets how many lives: 20 take two minutes on two cores, 200 about six.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from taproot_chassis.rebuild import rebuild
from taproot_customer.timeline.model import timeline
from taproot_local.api import ApiError, Client, eventually, in_parallel
from taproot_local.demo.cast import Cast, Mailbox
from taproot_local.demo.company import manager
from taproot_local.demo.life import OFFICE, LifeResult, play_life
from taproot_local.demo.setting_up import set_up
from taproot_local.suite import SERVICES, Suite, running_suite
from taproot_storage.visibility import unscoped
from taproot_testkit import Harness

LIVES = int(os.environ.get("TAPROOT_LIVES", "20"))
pytestmark = pytest.mark.slow
VICTIMS = (*SERVICES, "nats", "postgres")
FIRST_NUMBER = 500_000
PATIENCE = 300.0
BACK_SECONDS = 90.0
QUIET_SECONDS = 60.0
BETWEEN_SECONDS = 2.0
# How often each event must be in each life's timeline, at least where it must happen.
EXPECTED = Counter(
    {
        "form.submitted": 1, "lead.created": 1, "lead.verified": 1, "lead.accepted": 1, "lead.converted": 1,
        "customer.created": 1, "opportunity.created": 1, "opportunity.won": 1, "consent.granted": 2,
        "quote.created": 1, "quote.submitted": 1, "quote.approved": 1, "quote.sent": 1, "quote.accepted": 1,
        "approval.requested": 1, "approval.approved": 1, "order.created": 1, "order.submitted": 1,
        "order.confirmed": 1, "order.fulfilled": 1, "invoice.created": 1, "invoice.paid": 1, "payment.received": 1,
        "entitlement.created": 3, "loyalty_account.created": 1, "loyalty_account.earned": 1, "call.started": 1,
        "call.answered": 1, "call.ended": 1, "ticket.created": 2, "ticket.resolved": 1, "dispatch.offered": 1,
        "dispatch.accepted": 1, "dispatch.done": 1, "survey.sent": 1, "survey.answered": 1, "delivery.sent": 3,
        "journey_run.started": 3, "journey_run.completed": 3, "segment_member.entered": 1,
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def beaten() -> Any:
    """A suite of its own: nobody else's processes are killed."""
    with running_suite() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(beaten: Suite) -> AsyncIterator[Client]:
    async with beaten.client(patience=PATIENCE, connections=LIVES + 20) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lives(beaten: Suite, admin: Client) -> list[LifeResult]:
    await set_up(admin)
    cast = Cast(admin, Mailbox(admin, beaten.mail_url, pause=3.0))
    chaos = asyncio.ensure_future(kill_in_turn(beaten))
    clerk = asyncio.ensure_future(settle_uncertain_mail(admin, cast.mailbox))
    try:
        jobs = [_life(cast, FIRST_NUMBER + number) for number in range(LIVES)]
        played: list[LifeResult] = await in_parallel(jobs, LIVES)
        await chaos
        await eventually(lambda: _quiet(admin), QUIET_SECONDS, "The end of all deliveries")
    finally:
        chaos.cancel()
        clerk.cancel()
    reader = await cast.by_name(manager(OFFICE).user_name)
    for life in played:
        path = f"/v1/customers/{life.ids['customer']}/timeline"
        life.timeline = [one async for one in reader.pages(path, "timeline_entries")]
    return played


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def withheld(lives: list[LifeResult], admin: Client) -> Counter[str]:
    """Mails per customer that were rightly not sent: the consent was given, but had not reached marketing yet."""
    assert lives
    found = [one async for one in admin.pages("/v1/deliveries", filter="state = SUPPRESSED")]
    assert {one["reason"] for one in found} <= {"no_consent"}
    assert {one["message_class"] for one in found} <= {"MESSAGE_CLASS_MARKETING"}
    assert len(found) <= len(lives) // 10
    return Counter(one["customer_id"] for one in found)


def _life(cast: Cast, number: int) -> Callable[[], Awaitable[LifeResult]]:
    return lambda: play_life(cast, number, patience=PATIENCE)


async def kill_in_turn(suite: Suite) -> None:
    """SIGKILL for each process, the next only when all is well again."""
    await asyncio.sleep(BETWEEN_SECONDS)
    async with httpx.AsyncClient(timeout=2) as http:
        for name in VICTIMS:
            before = suite.kill(name)
            await eventually(lambda: _back(suite, http, name, before), BACK_SECONDS, f"The return of {name}")  # noqa: B023  # awaited at once
            await asyncio.sleep(BETWEEN_SECONDS)


async def _back(suite: Suite, http: httpx.AsyncClient, name: str, before: object) -> bool:
    now = suite.process(name)
    if now == before or not now.alive():
        return False
    try:
        return (await http.get(f"{suite.url}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


async def settle_uncertain_mail(admin: Client, mailbox: Mailbox) -> None:
    """What staff do: a mail whose sending was cut off is never repeated blindly; somebody looks whether it came."""
    while True:
        await asyncio.sleep(1)
        async for delivery in admin.pages("/v1/deliveries", filter="state = UNCERTAIN"):
            came = any(
                mail["headers"].get("Message-ID") == delivery["message_id"]
                for mail in await mailbox.messages()
            )
            outcome = "DELIVERY_OUTCOME_ARRIVED" if came else "DELIVERY_OUTCOME_NOT_ARRIVED"
            try:
                await admin.post(f"/v1/deliveries/{delivery['id']}:resolve", {"outcome": outcome})
            except ApiError as error:
                if error.status != 409:
                    raise


async def _quiet(admin: Client) -> bool:
    waiting = "state = QUEUED OR state = CLAIMED OR state = FAILED_TEMPORARY OR state = UNCERTAIN"
    return await admin.first("/v1/deliveries", waiting) is None


def test_every_life_completes(lives: list[LifeResult]) -> None:
    assert len(lives) == LIVES
    assert {len(life.steps) for life in lives} == {22}
    assert len({life.ids["customer"] for life in lives}) == LIVES


def test_no_step_happens_twice_and_no_event_is_missing(
    lives: list[LifeResult], withheld: Counter[str]
) -> None:
    wrong = {}
    for life in lives:
        found = Counter(entry["event_type"] for entry in life.timeline)
        expected = EXPECTED + Counter({"delivery.suppressed": withheld[life.ids["customer"]]})
        expected["delivery.sent"] -= withheld[life.ids["customer"]]
        difference = {event: found[event] for event, times in expected.items() if found[event] != times}
        if difference:
            wrong[life.number] = difference
    assert wrong == {}


async def test_orders_and_money_are_counted_once(lives: list[LifeResult], admin: Client) -> None:
    customers = Counter([one["customer_id"] async for one in admin.pages("/v1/orders")])
    assert customers == Counter(life.ids["customer"] for life in lives)
    paid = Counter([one["customer_id"] async for one in admin.pages("/v1/payments")])
    assert paid == Counter(life.ids["customer"] for life in lives)
    invoices = [one async for one in admin.pages("/v1/invoices")]
    assert len(invoices) == len({one["number"] for one in invoices}) == LIVES


async def test_points_are_counted_once(lives: list[LifeResult], admin: Client) -> None:
    accounts = {one["customer_id"]: one async for one in admin.pages("/v1/loyaltyAccounts")}
    assert accounts.keys() == {life.ids["customer"] for life in lives}
    assert all(int(accounts[life.ids["customer"]]["lifetime_points"]) == life.points for life in lives)


async def test_each_mail_came_exactly_once(
    lives: list[LifeResult], withheld: Counter[str], beaten: Suite, admin: Client
) -> None:
    mailbox = Mailbox(admin, beaten.mail_url)
    customers = {life.email for life in lives}  # staff get mail too, of their new passwords
    came = Counter((m["to"], m["subject"]) for m in await mailbox.messages() if m["to"] in customers)
    assert set(came.values()) == {1}, [key for key, number in came.items() if number > 1][:5]
    expected = {life.email: 3 - withheld[life.ids["customer"]] for life in lives}
    assert Counter(address for address, _ in came) == Counter(expected)


def test_the_order_of_each_record_holds(lives: list[LifeResult]) -> None:
    """What happened to one record is in the timeline in the order it happened."""
    follows = (("quote.created", "quote.submitted", "quote.approved", "quote.sent", "quote.accepted"), ("order.created", "order.confirmed", "order.fulfilled"))  # fmt: skip
    for life in lives:
        times: dict[str, str] = {entry["event_type"]: entry["occurred_time"] for entry in life.timeline}
        for chain in follows:
            assert [times[event] for event in chain] == sorted(times[event] for event in chain), life.number


async def test_the_timeline_rebuilt_by_replay_equals_the_live_one(
    lives: list[LifeResult], beaten: Suite, start_service: Callable[..., Awaitable[Harness]]
) -> None:
    """An empty customer service beside the suite is fed from the publishers' histories."""
    grpc = ",".join(f"{_peer(name)}={found['grpc']}" for name, found in beaten.state["services"].items())
    empty = await start_service("customer", keys_dir=beaten.home / "keys" / "customer", backends=grpc)
    consumers = [one for one in empty.process.consumers if one.subscription.name == "timeline"]
    with empty.system_call():
        await rebuild(consumers, empty.runtime.database, empty.runtime.peers)
        rebuilt = {life.number: await _entries(empty, life.ids["customer"]) for life in lives}
    live = {life.number: sorted((one["id"], one["event_type"]) for one in life.timeline) for life in lives}
    assert rebuilt == live


def _peer(name: str) -> str:
    return "identity" if name == "gateway" else name


async def _entries(harness: Harness, customer_id: str) -> list[tuple[str, str]]:
    async with harness.runtime.database.reading() as reader:
        rows = await reader.fetch(
            select(timeline.c.id, timeline.c.event_type).where(
                timeline.c.customer_id == uuid.UUID(customer_id),
                unscoped(timeline, "all that was rebuilt is compared"),
            )
        )
    return sorted((str(row["id"]), row["event_type"]) for row in rows)
