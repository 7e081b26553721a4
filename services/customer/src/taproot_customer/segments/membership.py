"""Membership kept up to date: one customer at a time for events and time, by sets where a segment itself changed.

Whoever writes members holds one lock, MEMBERSHIP, to the end of its transaction. So nobody evaluates a customer by
segments that are just being made or changed, and counts and combinations are of one state.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.types import BigInteger

from taproot_base import telemetry
from taproot_base.access import subtree_end
from taproot_customer.facts.fields import record_of
from taproot_customer.segments import combining, dues, messages, queries
from taproot_customer.segments.model import COMBINED, DYNAMIC, Segment
from taproot_storage.database import UnitOfWork
from taproot_storage.eventlog import LogEntry
from taproot_storage.idempotency import lock_key
from taproot_storage.statements import Statement

MEMBERSHIP = lock_key("segments", "membership")
EVENTS_AT_ONCE = 1000
IDS_AT_MOST = 10_000
"""Of more that moved, the segments made of theirs are computed in full."""
_lock = Statement(lambda: select(func.pg_advisory_xact_lock(literal(MEMBERSHIP, BigInteger()))))


async def take_lock(work: UnitOfWork) -> None:
    """For handlers of events, whose transaction is not theirs to begin."""
    await work.execute(_lock)


async def evaluate(work: UnitOfWork, customers: Sequence[uuid.UUID]) -> None:
    """Decide of each customer anew, in every dynamic and combined segment. The caller holds MEMBERSHIP."""
    segments = await queries.computed(work)
    if not segments:
        return
    now = work.clock.now()
    moved: set[uuid.UUID] = set()
    for row in await queries.read_customers(work, customers):
        moved |= await _evaluate(row, segments, now, work)
    if moved:
        await dues.show(work, moved)
    await dues.forget_gone(work, customers)


async def _evaluate(row: Any, segments: Sequence[Any], now: datetime, work: UnitOfWork) -> set[uuid.UUID]:
    """The segments that will next look at the customer at another time than before."""
    customer_id, record = row["id"], record_of(row)
    inside = await queries.segments_of(work, customer_id)
    waits: dict[uuid.UUID, datetime] = {}
    for segment in segments:
        key = segment["id"]
        if segment["kind"] == DYNAMIC and not can_move(key, segment["filter"]):
            continue
        within = _within(segment, row)
        if segment["kind"] == COMBINED:
            held = combining.belongs(segment["operator"], segment["operand_ids"], inside)
        else:
            predicate = queries.predicate(segment["filter"])
            held = within and predicate(record, now)
            turn = predicate.next_change_at(record, now) if within else None
            waits |= {key: turn} if turn else {}
        if (belongs := within and held) != (key in inside):
            await _move(segment, customer_id, work, enter=belongs)
            inside ^= {key}
    return await dues.replace(work, customer_id, waits)


def _within(segment: Any, row: Any) -> bool:
    path = segment["branch_path"]
    return row["delete_time"] is None and (not path or path <= row["branch_path"] < subtree_end(path))


def can_move(key: uuid.UUID, text: str) -> bool:
    """A segment whose field was retired keeps its members; it must not hold up the other segments."""
    fits = queries.fits(text)
    if not fits:
        telemetry.logger.warning("segment_stands_still", segment=str(key))
    return fits


async def _move(segment: Any, customer_id: uuid.UUID, work: UnitOfWork, *, enter: bool) -> None:
    statement = (
        queries.enter_given(segment["id"], [customer_id], work.clock.now())
        if enter
        else queries.leave_given(segment["id"], [customer_id])
    )
    rows = await work.fetch(statement)
    await tell(segment["display_name"], "entered" if enter else "left", rows, work)
    await queries.add_to_count(work, segment["id"], len(rows) if enter else -len(rows))


async def fill(segment: Segment, work: UnitOfWork) -> None:
    """Compute the members anew, and those of what is made of it; only what changes is written and told."""
    await work.flush()
    moved = await _fill(segment, work)
    now = work.clock.now()
    first = await dues.refill(work, segment, now) if segment.kind == DYNAMIC else None
    segment.refreshed(await queries.count_members(work, segment.id), first, now)
    await pass_on(segment.id, moved, work)


async def pass_on(key: uuid.UUID, moved: Sequence[uuid.UUID], work: UnitOfWork) -> None:
    """Who moved in or out of a segment moves in what is made of it."""
    operands = await queries.operands(work) if moved else {}
    users = combining.users(key, operands)
    if not users:
        return
    await work.flush()
    found = {segment.id: segment for segment in await work.scalars(queries.many(sorted(users)))}
    rows = [{"id": user, "operand_ids": operands[user]} for user in users]
    only = list(moved) if len(moved) <= IDS_AT_MOST else None
    for row in combining.in_order(rows):
        segment = found[row["id"]]
        await _fill(segment, work, only)
        segment.member_count = await queries.count_members(work, segment.id)


async def _fill(
    segment: Segment, work: UnitOfWork, only: Sequence[uuid.UUID] | None = None
) -> list[uuid.UUID]:
    """Who moved."""
    now = work.clock.now()
    if segment.kind == COMBINED:
        leave, enter = queries.leave_combined(segment, only), queries.enter_combined(segment, now, only)
    else:
        leave, enter = queries.leave_unwanted(segment, now), queries.enter_wanted(segment, now)
    left = await work.fetch(leave)
    entered = await work.fetch(enter)
    await tell(segment.display_name, "left", left, work)
    await tell(segment.display_name, "entered", entered, work)
    return [row["customer_id"] for row in (*left, *entered)]


async def tell(name: str, what: str, rows: Sequence[Any], work: UnitOfWork) -> None:
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
