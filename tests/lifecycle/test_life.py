"""One customer's whole life through the public API of a running Taproot."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest
import pytest_asyncio

from taproot_local import trace
from taproot_local.api import ApiError, Client
from taproot_local.demo.aftercare import LOW_SCORE
from taproot_local.demo.cast import Cast
from taproot_local.demo.life import WITHIN_SECONDS, LifeResult, play_life
from taproot_local.demo.outreach import WEB_SEGMENT_ID, WON_SEGMENT_ID
from taproot_local.processes import eventually
from taproot_local.suite import Suite
from taproot_local.trace import Span

ATTEMPTS = 3
MAIL = "send mail"
ONCE = (
    "customer.created", "lead.created", "lead.verified", "lead.accepted", "lead.converted", "opportunity.created",
    "opportunity.won", "quote.created", "quote.submitted", "quote.approved", "quote.accepted", "approval.requested",
    "approval.approved", "order.created", "order.confirmed", "order.fulfilled", "invoice.created", "invoice.paid",
    "payment.received", "loyalty_account.created", "loyalty_account.earned", "call.started", "call.ended",
    "dispatch.offered", "dispatch.done", "ticket.resolved", "survey.sent", "survey.answered",
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def life(cast: Cast) -> LifeResult:
    return await play_life(cast, 1001)


def counts(life: LifeResult) -> Counter[str]:
    return Counter(entry["event_type"] for entry in life.timeline)


def test_every_step_is_in_the_timeline_once(life: LifeResult) -> None:
    found = counts(life)
    assert {event: found[event] for event in ONCE} == dict.fromkeys(ONCE, 1)
    assert found["entitlement.created"] == 3
    assert found["consent.granted"] == 2
    assert found["ticket.created"] == 2
    assert found["delivery.sent"] == 3


async def test_the_timeline_shows_each_step_within_a_second(life: LifeResult, cast: Cast) -> None:
    """On a busy machine any single measurement may be late: the best of a few lives counts."""
    best = {step.en: step.lag for step in life.steps if step.lag is not None}
    for number in range(1, ATTEMPTS):
        if max(best.values()) <= WITHIN_SECONDS:
            break
        again = await play_life(cast, 1001 + number)
        best = {step.en: min(best[step.en], step.lag) for step in again.steps if step.lag is not None}
    assert {name: lag for name, lag in best.items() if lag > WITHIN_SECONDS} == {}


def test_the_timeline_says_who_when_and_in_which_trace(life: LifeResult) -> None:
    assert all(entry["trace_id"] and entry["actor"] and entry["occurred_time"] for entry in life.timeline)
    times = [entry["occurred_time"] for entry in life.timeline]
    assert times == sorted(times, reverse=True)
    assert all(entry["summary_zh"] and entry["summary_en"] for entry in life.timeline)


async def test_the_profile_agrees_with_the_records(life: LifeResult, admin: Client) -> None:
    profile = life.profile
    order = await admin.get(f"/v1/orders/{life.ids['order']}")
    assert profile["customer"]["display_name"] == life.name
    assert [one["order_id"] for one in profile["orders"]] == [order["id"]]
    assert Decimal(profile["orders"][0]["total"]["amount"]) == Decimal(order["totals"]["total"]["amount"])
    assert profile["orders"][0]["state"].upper().endswith("FULFILLED")
    assert len(profile["entitlements"]) == 3
    assert [one["ticket_id"] for one in profile["tickets"]] == [life.ids["complaint"]]
    assert [one["ticket_id"] for one in profile["resolved_tickets"]] == [life.ids["ticket"]]
    assert all(Decimal(one["balance"].get("amount", "0")) == 0 for one in profile.get("receivables", []))
    assert not profile.get("opportunities")
    assert int(profile["loyalty"][0]["balance"]) == life.points
    assert {one["purpose"] for one in profile["consents"]} == {"marketing", "service"}


async def test_the_customer_is_one_record_known_by_phone_and_mail(life: LifeResult, admin: Client) -> None:
    customer = await admin.get(f"/v1/customers/{life.ids['customer']}")
    assert {one["value"] for one in customer["identifiers"]} == {life.phone, life.email}
    with pytest.raises(ApiError) as refused:
        body = {
            "kind": "PERSON",
            "display_name": "Somebody",
            "identifiers": [{"kind": "PHONE", "value": life.phone}],
        }
        await admin.post("/v1/customers", body)
    assert refused.value.reason == "CUSTOMER_EXISTS"


async def test_the_account_is_settled(life: LifeResult, admin: Client) -> None:
    statement = await admin.get(f"/v1/statements/{life.ids['customer']}")
    assert sum(Decimal(one["amount"]["amount"]) for one in statement["entries"]) == 0
    assert {one["kind"] for one in statement["entries"]} == {
        "STATEMENT_ENTRY_KIND_INVOICE",
        "STATEMENT_ENTRY_KIND_PAYMENT",
    }


async def test_the_low_score_led_to_the_complaint(life: LifeResult, admin: Client) -> None:
    response = await admin.first("/v1/surveyResponses", f'ticket_id = "{life.ids["ticket"]}"')
    assert response is not None
    assert (response["score"], response["low"]) == (LOW_SCORE, True)
    assert response["complaint_ticket_id"] == life.ids["complaint"]


async def test_segments_follow(life: LifeResult, admin: Client) -> None:
    members = [
        one["customer_id"]
        async for one in admin.pages(f"/v1/segments/{WEB_SEGMENT_ID}/members", "segment_members")
    ]
    assert life.ids["customer"] in members
    assert await admin.get(f"/v1/segments/{WON_SEGMENT_ID}")


def test_each_mail_came_once_and_can_be_unsubscribed(life: LifeResult) -> None:
    subjects = [mail["subject"] for mail in life.mails]
    assert len(subjects) == len(set(subjects)) == 3
    for mail in life.mails:
        assert mail["headers"]["List-Unsubscribe"].startswith("<http")
        assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.fixture(scope="module")
def spans(life: LifeResult, suite: Suite) -> list[Span]:
    """Everything recorded of the life's trace, once the last of it has been written."""
    directory = suite.home / "traces"

    def sent() -> list[Span]:
        found = trace.collect(directory, {life.trace_id}).spans.get(life.trace_id, [])
        return found if any(span.name == MAIL for span in found) else []

    assert eventually(lambda: bool(sent()), 30), "no span of a mail in the life's trace"
    return sent()


def test_one_trace_leads_from_the_form_to_the_mail(spans: list[Span]) -> None:
    assert {span.service for span in spans} >= {"gateway", "marketing", "sales", "customer", "servicedesk"}
    names = {span.name for span in spans}
    assert any(name.startswith("POST /v1/forms/") for name in names)
    assert "publish form.submitted" in names
    assert "consume form.submitted by leads-from-forms" in names
    mail = next(span for span in spans if span.name == MAIL)
    above = list(_ancestors(mail, spans))
    assert above[-1].service == "gateway", [span.name for span in above]
    assert any(span.name.startswith("publish ") for span in above)
    assert any(span.name.startswith("consume ") for span in above)


def test_spans_name_the_customer(spans: list[Span], life: LifeResult) -> None:
    named = {span.service for span in spans if life.ids["customer"] in span.customers}
    assert named >= {"customer", "sales", "servicedesk", "marketing"}


def _ancestors(span: Span, spans: list[Span]) -> Iterator[Span]:
    by_id = {one.id: one for one in spans}
    while span.parent in by_id:
        span = by_id[span.parent]
        yield span


async def test_a_second_try_of_every_step_changes_nothing(life: LifeResult, cast: Cast) -> None:
    """The same life again: every request repeats a key, so nothing may happen twice."""
    again = await play_life(cast, life.number)
    assert again.ids == life.ids
    seen = counts(again)
    assert {event: seen[event] for event in ONCE} == dict.fromkeys(ONCE, 1)
    assert len(again.mails) == len(life.mails)
    assert again.points == life.points


class TestOperatorsCommands:
    async def test_the_timeline_is_the_same_after_a_rebuild(
        self, suite: Suite, life: LifeResult, admin: Client
    ) -> None:
        path = f"/v1/customers/{life.ids['customer']}/timeline"
        before = [one async for one in admin.pages(path, "timeline_entries")]
        done = await asyncio.to_thread(suite.run, "service", "customer", "rebuild", "timeline")
        assert done.returncode == 0, done.stderr
        assert "events applied" in done.stdout
        assert [one async for one in admin.pages(path, "timeline_entries")] == before

    def test_a_reaction_is_never_rebuilt(self, suite: Suite) -> None:
        names = suite.run("service", "sales", "rebuild", "list").stdout.split()
        done = suite.run("service", "sales", "rebuild", "leads-from-forms")
        assert names
        assert "leads-from-forms" not in names
        assert done.returncode == 1
        assert "is not a projection of this service" in done.stderr

    def test_a_letter_that_is_not_there(self, suite: Suite) -> None:
        done = suite.run("service", "sales", "dead-letters", "show", "999999")
        assert done.returncode == 1
        assert "there is no dead letter 999999" in done.stderr
