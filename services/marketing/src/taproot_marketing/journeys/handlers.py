"""Use cases of journeys and runs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, delete
from sqlalchemy.dialects.postgresql import insert

from taproot_base import telemetry
from taproot_base.ids import new_id
from taproot_marketing.customer_refs import queries as customers
from taproot_marketing.journeys import messages, queries
from taproot_marketing.journeys.definition import Definition, Points, Send, Wait, parse, wait_until
from taproot_marketing.journeys.model import (
    Journey,
    JourneyInUse,
    JourneyKeyTaken,
    JourneyNotActive,
    JourneyNotReady,
    JourneyRun,
    JourneyVersion,
)
from taproot_marketing.journeys.records import filter_fault
from taproot_records.mapping import Values, row_of
from taproot_records.writing import discard, load, moved, patched, placed
from taproot_storage.database import UnitOfWork
from taproot_storage.eventlog import LogEntry
from taproot_storage.statements import Statement

_run_columns = JourneyRun.__table__.columns


def _build_enter() -> Any:
    values = {column.key: bindparam(column.key, type_=column.type) for column in _run_columns}
    keys = ["journey_id", "customer_id", "business_key"]
    return insert(JourneyRun).values(values).on_conflict_do_nothing(index_elements=keys)


_enter = Statement(_build_enter)
_put_version = Statement(
    lambda: (
        insert(JourneyVersion)
        .values({name: bindparam(name) for name in ("journey_id", "number", "steps")})
        .on_conflict_do_nothing()
    )
)
_drop_versions = Statement(
    lambda: delete(JourneyVersion).where(JourneyVersion.journey_id == bindparam("journey"))
)


def _checker(trigger: dict[str, Any]) -> Any:
    event_type = (trigger.get("event") or {}).get("event_type", "")
    return lambda text: filter_fault(event_type, text)


async def create_journey(journey_id: uuid.UUID, values: Values, work: UnitOfWork) -> Journey:
    await _require_free_key(values.get("key", ""), None, work)
    placed_values = await placed(work, "journeys", values)
    journey = Journey.create(journey_id, placed_values, _checker(values.get("trigger", {})), work.clock.now())
    await work.add(journey)
    await _keep_version(journey, work)
    return journey


async def update_journey(key: str, etag: str, values: Values, work: UnitOfWork) -> Journey:
    journey = await load(work, Journey, key, etag)
    await _require_free_key(values.get("key", ""), journey.id, work)
    values = patched(journey, await moved(work, "journeys", journey, values))
    check = _checker(values.get("trigger", journey.trigger))
    journey.change(values, check, work.clock.now())
    if journey.state == "active":
        await _require_known(journey.definition, work)
    await _keep_version(journey, work)
    return journey


async def _keep_version(journey: Journey, work: UnitOfWork) -> None:
    await work.execute(
        _put_version, journey_id=journey.id, number=journey.journey_version, steps=journey.steps
    )


async def _require_free_key(key: str, own: uuid.UUID | None, work: UnitOfWork) -> None:
    """The caller holds the advisory lock of the key."""
    holder = await queries.find_by_key(work, key) if key else None
    if holder is not None and holder != own:
        raise JourneyKeyTaken(key)


async def delete_journey(key: str, etag: str, work: UnitOfWork) -> Journey:
    journey = await load(work, Journey, key, etag)
    if await queries.has_runs(work, journey.id):
        raise JourneyInUse
    journey.remove(work.clock.now())
    await work.execute(_drop_versions, journey=journey.id)
    await discard(work, journey)
    return journey


async def activate_journey(key: str, etag: str, work: UnitOfWork) -> Journey:
    journey = await load(work, Journey, key, etag)
    journey.activate(work.clock.now())
    await _require_known(journey.definition, work)
    return journey


async def _require_known(definition: Definition, work: UnitOfWork) -> None:
    """Every template and programme the steps name must be there and in use."""
    sent = {s.action.template_id for s in definition.steps if isinstance(s.action, Send)}
    credited = {s.action.program_id for s in definition.steps if isinstance(s.action, Points)}
    missing = sent - set(await queries.usable_templates(work, list(sent)))
    missing |= credited - await queries.usable_programs(work, list(credited))
    if missing:
        raise JourneyNotReady(f"not found or out of use: {', '.join(sorted(map(str, missing)))}")


async def pause_journey(key: str, etag: str, work: UnitOfWork) -> Journey:
    journey = await load(work, Journey, key, etag)
    journey.pause(work.clock.now())
    return journey


async def archive_journey(key: str, etag: str, work: UnitOfWork) -> Journey:
    """Runs under way are stopped by a job: there may be many."""
    journey = await load(work, Journey, key, etag)
    journey.archive(work.clock.now())
    return journey


# ---------------------------------------------------------------- runs


@dataclass(frozen=True)
class Entry:
    """What lets a customer in. `private` in full, `context` without what is personal."""

    customer_id: uuid.UUID
    business_key: str
    private: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    customer: Any = None


async def enter(journey: Any, entry: Entry, work: UnitOfWork) -> uuid.UUID | None:
    """Let a customer in, once per business key; None when it was in already. `journey` is a row."""
    row = _run_row(journey, entry, work)
    if not await work.execute(_enter, **row):
        return None
    log = work.database.log
    assert log is not None
    started = LogEntry(
        type="journey_run.started",
        aggregate_id=row["id"],
        version=1,
        payload=messages.started(row).SerializeToString(),
        party_id=entry.customer_id,
        branch_path=row["branch_path"],
        owner_id=row["owner_id"],
    )
    await log.append(work, [started])
    found: uuid.UUID = row["id"]
    return found


def _run_row(journey: Any, entry: Entry, work: UnitOfWork) -> dict[str, Any]:
    now, customer = work.clock.now(), entry.customer
    definition = parse(journey["trigger"], journey["steps"])
    private = {
        "trigger": journey["trigger_name"] if journey["trigger_kind"] == "event" else "",
        **entry.private,
    }
    first = definition.first
    at = when_due(definition, first, private, customer["time_zone"] if customer else "", now)
    return {
        "id": new_id(),
        "version": 1,
        "journey_id": journey["id"],
        "journey_version": journey["journey_version"],
        "customer_id": entry.customer_id,
        "display_name": customer["display_name"] if customer else "",
        "business_key": entry.business_key,
        "state": "active",
        "step": first,
        "next_time": at,
        "context": entry.context,
        "private": private,
        "error": "",
        "failures": 0,
        "steps_done": 0,
        "traceparent": telemetry.traceparent(),
        "owner_id": journey["owner_id"],
        "branch_id": journey["branch_id"],
        "branch_path": journey["branch_path"],
        "create_time": now,
        "update_time": now,
    }


def when_due(definition: Definition, key: str, private: dict[str, Any], zone: str, now: datetime) -> datetime:
    """When the step a run stands before is to be done: a wait is done when it is over."""
    step = definition.step(key)
    if step is None or not isinstance(step.action, Wait):
        return now
    end = (private.get("entitlement") or {}).get("end_date")
    return wait_until(step.action, now, date.fromisoformat(end) if end else None, zone)


async def enrol(
    key: str, customer_id: str, business_key: str, values: dict[str, Any], work: UnitOfWork
) -> uuid.UUID:
    """Let one customer in by hand; a repeat answers with the first run."""
    journey = await load(work, Journey, key)
    if journey.state != "active":
        raise JourneyNotActive
    customer = await customers.see_customer(work, customer_id)
    entry = Entry(
        customer_id=customer["id"],
        business_key=business_key or f"manual:{customer['id']}",
        private={"event": values},
        context=values,
        customer=customer,
    )
    made = await enter(row_of(journey), entry, work)
    return made or await queries.find_run(work, journey.id, entry.customer_id, entry.business_key)


async def cancel_run(key: str, etag: str, work: UnitOfWork) -> JourneyRun:
    run = await load(work, JourneyRun, key, etag)
    run.cancel(work.clock.now())
    return run


async def retry_run(key: str, etag: str, work: UnitOfWork) -> JourneyRun:
    run = await load(work, JourneyRun, key, etag)
    run.retry(work.clock.now())
    return run
