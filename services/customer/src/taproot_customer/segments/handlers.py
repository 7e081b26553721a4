"""Use cases of segments, and membership kept up to date by events and by time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from taproot_base import telemetry
from taproot_base.access import subtree_end
from taproot_base.errors import NotFound
from taproot_chassis.events import Event
from taproot_customer.segments import messages, queries
from taproot_customer.segments.model import DYNAMIC, STATIC, Segment
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, moved, new_key, patched, placed
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.eventlog import LogEntry

MOVING_EVERY = timedelta(hours=1)
REFRESH_BATCH = 5
EVENTS_AT_ONCE = 1000


async def create_segment(chosen: str, given: Values, work: UnitOfWork) -> Segment:
    if given["kind"] == DYNAMIC:
        queries.written(given["filter"])
    key = await new_key(work, Segment, chosen)
    segment = Segment.create(key, await placed(work, "segments", given), work.clock.now())
    await work.add(segment)
    if segment.kind == DYNAMIC:
        await work.flush()
        await _fill(segment, work)
    return segment


async def update_segment(key: str, etag: str, values: Values, work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key, etag)
    if "filter" in values:
        segment.require(DYNAMIC)
        queries.written(values["filter"])
    changed = patched(segment, await moved(work, "segments", segment, values))
    if segment.change(changed, work.clock.now()):
        await _fill(segment, work)
    return segment


async def refresh_segment(key: str, work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key)
    segment.require(DYNAMIC)
    await _fill(segment, work)
    return segment


async def _fill(segment: Segment, work: UnitOfWork) -> None:
    """Compute the members anew; only what changes is written and told."""
    now = work.clock.now()
    left = await work.fetch(queries.leave_unwanted(segment, now))
    entered = await work.fetch(queries.enter_wanted(segment, now))
    await _tell(segment.display_name, "left", left, work)
    await _tell(segment.display_name, "entered", entered, work)
    moving = now + MOVING_EVERY if queries.checked(segment.filter).moving else None
    segment.refreshed(await queries.count_members(work, segment.id), moving, now)


async def delete_segment(key: str, etag: str, work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key, etag)
    segment.record("deleted", work.clock.now())
    await work.execute(queries.forget_members(segment.id))
    await discard(work, segment)
    return segment


async def add_members(key: str, ids: Sequence[uuid.UUID], work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key)
    segment.require(STATIC)
    seen = await queries.visible_ids(work, ids)
    for each in ids:
        if each not in seen:
            raise NotFound("customer", each)
    entered = await work.fetch(queries.enter_given(segment.id, ids, work.clock.now()))
    await _tell(segment.display_name, "entered", entered, work)
    segment.member_count += len(entered)
    return segment


async def remove_members(key: str, ids: Sequence[uuid.UUID], work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key)
    segment.require(STATIC)
    left = await work.fetch(queries.leave_given(segment.id, ids))
    await _tell(segment.display_name, "left", left, work)
    segment.member_count -= len(left)
    return segment


async def _tell(name: str, what: str, rows: Sequence[Any], work: UnitOfWork) -> None:
    assert work.database.log is not None
    for start in range(0, len(rows), EVENTS_AT_ONCE):
        part = rows[start : start + EVENTS_AT_ONCE]
        places = await queries.places_of(work, [row["customer_id"] for row in part])
        entries = [_entry(name, what, row, places.get(row["customer_id"])) for row in part]
        await work.database.log.append(work, entries)


def _entry(name: str, what: str, row: Any, place: Any) -> LogEntry:
    return LogEntry(
        type=f"segment_member.{what}",
        aggregate_id=row["id"],
        version=row["version"],
        payload=messages.to_member_payload(row, name, place["display_name"] if place else ""),
        party_id=row["customer_id"],
        branch_path=place["branch_path"] if place else None,
        owner_id=place["owner_id"] if place else None,
    )


async def on_customer_changed(event: Event, work: UnitOfWork) -> None:
    """Only the customer that changed is evaluated again, against every dynamic segment."""
    segments = await queries.lock_dynamic(work)
    customer = await queries.read_customer(work, event.aggregate_id)
    if customer is None:
        return
    inside = await queries.segments_of(work, event.aggregate_id)
    now = work.clock.now()
    for segment in segments:
        if not _can_move(segment["id"], segment["filter"]):
            continue
        belongs = _belongs(segment, customer, now)
        if belongs != (segment["id"] in inside):
            await _move(segment, event.aggregate_id, work, enter=belongs)


def _can_move(key: uuid.UUID, text: str) -> bool:
    """A segment whose field was retired keeps its members; it must not hold up the other segments."""
    fits = queries.fits(text)
    if not fits:
        telemetry.logger.warning("segment_stands_still", segment=str(key))
    return fits


def _belongs(segment: Any, customer: Any, now: datetime) -> bool:
    path = segment["branch_path"]
    within = not path or path <= customer["branch_path"] < subtree_end(path)
    if customer["delete_time"] is not None or not within:
        return False
    return queries.predicate(segment["filter"])(queries.record_of(customer), now)


async def _move(segment: Any, customer_id: uuid.UUID, work: UnitOfWork, *, enter: bool) -> None:
    statement = (
        queries.enter_given(segment["id"], [customer_id], work.clock.now())
        if enter
        else queries.leave_given(segment["id"], [customer_id])
    )
    rows = await work.fetch(statement)
    await _tell(segment["display_name"], "entered" if enter else "left", rows, work)
    await queries.add_to_count(work, segment["id"], len(rows) if enter else -len(rows))


async def refresh_due(database: Database) -> int:
    """Job: segments whose filter speaks of time change without an event."""
    async with database.unit() as work:
        segments: list[Segment] = await work.scalars(queries.due(work.clock.now(), REFRESH_BATCH))
        for segment in segments:
            if _can_move(segment.id, segment.filter):
                await _fill(segment, work)
            else:
                segment.next_change_time = work.clock.now() + MOVING_EVERY
    return len(segments)
