"""Replicas are replaced one by one under load, forth with a new schema and back: no call fails, no event is lost or doubled.

The customer service, with a schema of its own for the release after this one, is replaced in every run;
TAPROOT_TEST_UPGRADE=all replaces all five, as `make cluster-test` does.
"""

from __future__ import annotations

import asyncio
import os

import asyncpg
import nats
import pytest
import pytest_asyncio
from fleet import running_fleet
from load import Load
from releases import VERSION, next_customer_release

from taproot_local.api import eventually
from taproot_local.services import SERVICES

OTHERS = ("sales", "servicedesk", "marketing", "gateway")
CUSTOMER = SERVICES[0]
QUIET_SECONDS = 30
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("TAPROOT_TEST_UPGRADE"), reason="minutes: `make cluster-test` runs it"
    ),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rolled(tmp_path_factory):
    """The fleet and the load after everything was replaced, and all events have had their effect."""
    with running_fleet() as fleet:
        load = Load(fleet)
        try:
            await load.sign_in()
            await _roll(fleet, load, next_customer_release(tmp_path_factory.mktemp("next")))
            await eventually(lambda: _quiet(fleet), QUIET_SECONDS, "The effect of all events")
            yield fleet, load
        finally:
            await load.close()


async def _roll(fleet, load, later):
    async with load.running():
        await asyncio.to_thread(fleet.migrate, CUSTOMER, later)
        await fleet.replace("customer", later)
        for name in OTHERS if os.environ.get("TAPROOT_TEST_UPGRADE") == "all" else ():
            await fleet.replace(name)
        await fleet.replace("customer")


async def _rows(fleet, service, question):
    connection = await asyncpg.connect(fleet.databases[service].owner_url)
    try:
        return await connection.fetch(question)
    finally:
        await connection.close()


async def _count(fleet, service, question):
    return (await _rows(fleet, service, question))[0][0]


async def _quiet(fleet):
    """Everything published, and read by every consumer of the customer service's events."""
    if await _count(fleet, "customer", "SELECT count(*) FROM event_log WHERE published_at IS NULL"):
        return False
    bus = await nats.connect(fleet.nats.url)
    try:
        found = await bus.jetstream().consumers_info("CUSTOMER")
        return all(one.num_pending == 0 and one.num_ack_pending == 0 for one in found)
    finally:
        await bus.close()


async def test_no_call_failed(rolled):
    _, load = rolled
    assert load.failures == []
    assert load.answered["POST"] > 50


async def test_both_releases_wrote_with_one_schema(rolled):
    """The column is the later release's; what the one before wrote before and after it leaves it empty."""
    fleet, _ = rolled
    found = await _rows(
        fleet, "customer", "SELECT written_by, min(create_time), max(create_time) FROM customers GROUP BY 1"
    )
    by = {row[0]: row for row in found}
    assert set(by) == {None, VERSION}
    assert by[None]["min"] < by[VERSION]["min"] < by[VERSION]["max"] < by[None]["max"]
    assert await _count(fleet, "customer", "SELECT version_num FROM alembic_version") == "0999"
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_customers_written_by'::regclass"
    assert await _count(fleet, "customer", valid) is True


async def test_every_answered_write_is_there_once(rolled):
    fleet, load = rolled
    rows = await _rows(fleet, "customer", "SELECT id::text, version FROM customers")
    assert {row[0]: row[1] for row in rows} == load.customers


async def test_every_event_was_published_once(rolled):
    """The stream holds as many messages as the log has events, and no version of a record is missing or twice there."""
    fleet, load = rolled
    gaps = """SELECT aggregate_id FROM event_log WHERE aggregate_type = 'customer' GROUP BY 1
              HAVING count(*) <> max(version) OR count(DISTINCT version) <> count(*)"""
    assert await _rows(fleet, "customer", gaps) == []
    logged = await _count(fleet, "customer", "SELECT count(*) FROM event_log")
    assert logged >= sum(load.customers.values())
    bus = await nats.connect(fleet.nats.url)
    try:
        stream = await bus.jetstream().stream_info("CUSTOMER")
        assert stream.state.messages == logged
    finally:
        await bus.close()


@pytest.mark.parametrize("service", ["customer", "sales", "servicedesk", "marketing"])
async def test_every_event_took_effect_once_in(service, rolled):
    """Each consumer of customers has noted each event of each version, once: its inbox has a row for it."""
    fleet, load = rolled
    rows = await _rows(
        fleet, service, "SELECT consumer, count(*) FROM inbox WHERE consumer LIKE '%:customer' GROUP BY 1"
    )
    assert rows
    assert await _count(fleet, service, "SELECT count(*) FROM dead_letters") == 0
    if service == "customer":
        entries = await _rows(fleet, service, "SELECT customer_id::text, count(*) FROM timeline GROUP BY 1")
        assert {row[0]: row[1] for row in entries} == load.customers
    else:
        versions = await _rows(fleet, service, "SELECT id::text, version FROM customer_refs")
        assert {row[0]: row[1] for row in versions} == load.customers
