"""Conditions are caused in a running service, and the rule's expression is seen to hold: not before, and not after."""

from __future__ import annotations

import dataclasses
import uuid

import promql_parser
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from taproot_charts import alerts

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_chassis import consumers, measuring
from taproot_local.api import eventually

CONSUMER = "customer-refs:customer"


def value(expression):
    """What Prometheus would make of the part that needs no history: selectors, aggregations, comparisons."""
    if isinstance(expression, promql_parser.NumberLiteral):
        return expression.val
    if isinstance(expression, promql_parser.AggregateExpr):
        return value(expression.expr)
    if isinstance(expression, promql_parser.BinaryExpr):
        assert str(expression.op) == ">"
        return value(expression.lhs) > value(expression.rhs)
    assert isinstance(expression, promql_parser.VectorSelector), expression
    wanted = {one.name: one.value for one in expression.matchers.matchers}
    samples = [one for family in REGISTRY.collect() for one in family.samples if one.name == expression.name]
    return max((one.value for one in samples if wanted.items() <= one.labels.items()), default=0)


def fires(name):
    rule = next(
        rule
        for group in alerts.groups()["groups"]
        for rule in group["rules"]
        if rule["alert"] == f"Taproot{name}"
    )
    return value(promql_parser.parse(rule["expr"]))


def gauge(state):
    return REGISTRY.get_sample_value("taproot_dead_letters", {"consumer": CONSUMER, "state": state})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sales(start_service):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measuring, "MEASURE_SECONDS", 0.1)
        patched.setattr(consumers, "HELD_SECONDS", 0.1)
        yield await start_service("sales")


async def test_dead_letters(sales):
    """An event that nobody can read, and a sound one of the same record behind it."""
    assert not fires("DeadLetters")
    customer = str(uuid.uuid4())
    sound = [
        sales.event("customer.created", CustomerEvent(), customer, version=version, source="customer")
        for version in (1, 2)
    ]
    await sales.publish(dataclasses.replace(sound[0], payload=b"\xff\xff"))
    await sales.publish(sound[1])
    await eventually(lambda: _is(lambda: fires("DeadLetters")), 30, "The alert")
    await eventually(lambda: _is(lambda: gauge("parked") == 1), 30, "The event behind it")
    retries = REGISTRY.get_sample_value("taproot_consumer_retries_total", {"consumer": CONSUMER})
    assert retries >= consumers.ATTEMPTS

    consumer = next(one for one in sales.process.consumers if one.subscription.consumer == CONSUMER)
    for row in await consumer.letters.list():
        await consumer.letters.discard(row["number"])
    await eventually(lambda: _is(lambda: not fires("DeadLetters")), 30, "The end of the alert")
    await eventually(lambda: _is(lambda: gauge("dead") == gauge("parked") == 0), 30, "The end of the letters")


async def test_an_event_that_waits_for_its_database_is_late(sales, monkeypatch):
    """The consumer goes on trying what fails through no fault of the event, and says for how long."""
    consumer = next(one for one in sales.process.consumers if one.subscription.consumer == CONSUMER)
    old = dataclasses.replace(
        sales.event("customer.created", CustomerEvent(), str(uuid.uuid4()), source="customer"),
        occurred_at=sales.runtime.clock.now().replace(year=sales.runtime.clock.now().year - 1),
    )
    assert not fires("ConsumerLate")
    working = consumer.apply

    async def broken(*_arguments, **_options):
        raise ConnectionRefusedError

    monkeypatch.setattr(consumer, "apply", broken)
    await sales.publish(old)
    await eventually(lambda: _is(lambda: fires("ConsumerLate")), 30, "The alert")
    monkeypatch.setattr(consumer, "apply", working)
    monkeypatch.setattr(consumers, "ATTEMPTS", 1)
    await eventually(lambda: _is(lambda: not fires("ConsumerLate")), 30, "The end of the alert")


async def _is(condition):
    return condition()
