"""What lets customers in: events, dates and segments."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from taproot.customer.events.v1.segment_member_event_pb2 import SegmentMemberEvent
from taproot_base import telemetry
from taproot_chassis.events import Event
from taproot_marketing.customer_refs import queries as customers
from taproot_marketing.customer_refs.awaiting import awaited_customer, may_come
from taproot_marketing.journeys import queries
from taproot_marketing.journeys.definition import (
    DateTrigger,
    EventTrigger,
    SegmentTrigger,
    due_days,
    is_due,
    parse,
)
from taproot_marketing.journeys.handlers import Entry, enter
from taproot_marketing.journeys.records import (
    customer_record,
    entitlement_record,
    holds,
    record_of,
)
from taproot_storage.database import Database, UnitOfWork

RECURRING = frozenset({"care_date.due"})
"""Events that one record raises for one occurrence after the other."""


async def on_event(event: Event, work: UnitOfWork) -> None:
    """Reaction: let the customer into every active journey that listens to this event."""
    if event.party_id is None:
        return
    journeys = [
        journey
        for journey in await queries.listening(work, "event", event.type)
        if journey["activate_time"] <= event.occurred_at
    ]
    if not journeys:
        return
    customer = await awaited_customer(event.party_id, work)
    record = record_of(event)
    data = {"event": record.full, "customer": customer_record(customer)}
    for journey in journeys:
        trigger = parse(journey["trigger"], []).trigger
        assert isinstance(trigger, EventTrigger)
        if holds(event.type, trigger.filter, data, work.clock.now()):
            key = "customer" if trigger.once_per_customer else business_key(event)
            await enter(
                journey,
                Entry(event.party_id, key, {"event": record.full}, record.public, customer),
                work,
            )


def business_key(event: Event) -> str:
    """By which a customer enters once: the record, and of one that tells again and again the telling."""
    record = f"{event.aggregate_type}:{event.aggregate_id}"
    return f"{record}:{event.version}" if event.type in RECURRING else record


async def on_member(event: Event, work: UnitOfWork) -> None:
    """Reaction: let a customer who entered a segment into the journeys that listen to it."""
    member = event.decode(SegmentMemberEvent).segment_member
    for journey in await queries.listening(work, "segment", member.segment_id):
        if journey["activate_time"] <= event.occurred_at:
            customer_id = uuid.UUID(member.customer_id)
            customer = await awaited_customer(customer_id, work)
            entry = Entry(customer_id, f"segment:{member.segment_id}", customer=customer)
            await enter(journey, entry, work)


async def enter_by_dates(database: Database) -> int:
    """Job: let in the customers whose date has come, page by page."""
    async with database.reading() as reader:
        journeys = await queries.listening(reader, "date")
    for journey in journeys:
        trigger = parse(journey["trigger"], []).trigger
        assert isinstance(trigger, DateTrigger)
        after: tuple[date, uuid.UUID] | None = (date.min, uuid.UUID(int=0))
        while after is not None:
            async with database.unit() as work:
                after = await _enter_page(journey, trigger, after, work)
    return 0


async def _enter_page(
    journey: Any, trigger: DateTrigger, after: tuple[date, uuid.UUID], work: UnitOfWork
) -> tuple[date, uuid.UUID] | None:
    """One page of records; answers where it ended, None at the end of all."""
    now = work.clock.now()
    rows = await queries.ending(work, journey["id"], due_days(trigger, now), after)
    for row in rows:
        customer = await customers.find_customer(work, row["customer_id"])
        if customer is None or not is_due(trigger, row["end_date"], now, customer["time_zone"]):
            continue
        record = entitlement_record(row)
        data = {"entitlement": record, "customer": customer_record(customer)}
        if holds("", trigger.filter, data, now):
            key = f"entitlement:{row['id']}:{row['end_date']}"
            entry = Entry(row["customer_id"], key, {"entitlement": record}, {"entitlement": record}, customer)
            with telemetry.follow("journey date trigger", row["traceparent"], now - row["change_time"]):
                await enter(journey, entry, work)
    return (rows[-1]["end_date"], rows[-1]["id"]) if rows else None


async def enter_members(database: Database) -> int:
    """Job: let in those who were members before the journey was activated, where it asks for them."""
    entered = 0
    async with database.reading() as reader:
        journeys = await queries.listening(reader, "segment")
    for journey in journeys:
        trigger = parse(journey["trigger"], []).trigger
        assert isinstance(trigger, SegmentTrigger)
        if not trigger.include_members:
            continue
        async with database.unit() as work:
            for customer_id in await queries.waiting_members(work, journey["id"], trigger.segment_id):
                customer = await customers.find_customer(work, customer_id)
                if customer is None and may_come(customer_id):
                    continue  # the next run of the job asks again
                entry = Entry(customer_id, f"segment:{trigger.segment_id}", customer=customer)
                entered += await enter(journey, entry, work) is not None
    return entered
