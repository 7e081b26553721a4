"""Use cases of segments, and membership kept up to date by events and by time. Who changes a segment holds MEMBERSHIP."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from taproot_base.errors import AppError, InvalidArgument, Kind, NotFound
from taproot_chassis.events import Event
from taproot_customer.segments import combining, dues, membership, queries
from taproot_customer.segments.model import COMBINED, DYNAMIC, STATIC, Segment
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, moved, new_key, patched, placed
from taproot_storage.database import Database, UnitOfWork

DUE_BATCH = 200


class SegmentInUse(AppError):
    kind = Kind.STATE
    reason = "SEGMENT_IN_USE"


async def create_segment(chosen: str, given: Values, work: UnitOfWork) -> Segment:
    if given["kind"] == DYNAMIC:
        queries.written(given["filter"])
    key = await new_key(work, Segment, chosen)
    if given["kind"] == COMBINED:
        await _check_operands(key, given["operand_ids"], given.get("display_name", ""), work)
    segment = Segment.create(key, await placed(work, "segments", given), work.clock.now())
    await work.add(segment)
    if segment.kind != STATIC:
        await membership.fill(segment, work)
    return segment


async def update_segment(key: str, etag: str, values: Values, work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key, etag)
    if "filter" in values:
        segment.require(DYNAMIC)
        queries.written(values["filter"])
    if "operator" in values or "operand_ids" in values:
        segment.require(COMBINED)
        check_combination(
            values.get("operator", segment.operator), values.get("operand_ids", segment.operand_ids)
        )
    if "operand_ids" in values:
        await _check_operands(segment.id, values["operand_ids"], segment.display_name, work)
    changed = patched(segment, await moved(work, "segments", segment, values))
    if segment.change(changed, work.clock.now()):
        await membership.fill(segment, work)
    return segment


def check_combination(operator: str, operands: Sequence[uuid.UUID]) -> None:
    faults = [] if operator else [("segment.operator", "a combined segment needs an operator")]
    if len(operands) < combining.LEAST:
        faults.append(("segment.operand_ids", "a combined segment needs at least two operands"))
    if faults:
        raise InvalidArgument(faults)


async def _check_operands(key: uuid.UUID, operands: Sequence[uuid.UUID], name: str, work: UnitOfWork) -> None:
    """Whoever combines segments sees them, and none is made of itself."""
    seen = await queries.names_of(work, operands)
    path = combining.way_back(key, {**await queries.operands(work), key: operands})
    faults = [
        (f"segment.operand_ids[{place}]", f"segment {operand} does not exist or is not visible to you")
        for place, operand in enumerate(operands)
        if operand not in seen and operand != key
    ]
    if path:
        names = await queries.names_of(work, path) | {key: name}
        way = " → ".join(names.get(step, str(step)) for step in path)
        faults.append(("segment.operand_ids", f"a segment cannot be made of itself: {way}"))
    if faults:
        raise InvalidArgument(faults)


async def refresh_segment(key: str, work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key)
    segment.require(DYNAMIC, COMBINED)
    await membership.fill(segment, work)
    return segment


async def delete_segment(key: str, etag: str, work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key, etag)
    await _require_unused(segment, work)
    segment.record("deleted", work.clock.now())
    await work.execute(queries.forget_members(segment.id))
    await dues.forget(work, segment.id)
    await discard(work, segment)
    return segment


async def _require_unused(segment: Segment, work: UnitOfWork) -> None:
    operands = await queries.operands(work)
    users = sorted(user for user, parts in operands.items() if segment.id in parts)
    if users:
        names = await queries.names_of(work, users)
        hidden = len(users) - len(names)
        told = [*names.values(), *([f"{hidden} not visible to you"] if hidden else [])]
        raise SegmentInUse(
            f"segments are made of this one: {', '.join(told)}; take it out of them first",
            segments=",".join(map(str, names)),
        )


async def add_members(key: str, ids: Sequence[uuid.UUID], work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key)
    segment.require(STATIC)
    seen = await queries.visible_ids(work, ids)
    for each in ids:
        if each not in seen:
            raise NotFound("customer", each)
    entered = await work.fetch(queries.enter_given(segment.id, ids, work.clock.now()))
    await membership.tell(segment.display_name, "entered", entered, work)
    segment.member_count += len(entered)
    await membership.pass_on(segment.id, [row["customer_id"] for row in entered], work)
    return segment


async def remove_members(key: str, ids: Sequence[uuid.UUID], work: UnitOfWork) -> Segment:
    segment = await load(work, Segment, key)
    segment.require(STATIC)
    left = await work.fetch(queries.leave_given(segment.id, ids))
    await membership.tell(segment.display_name, "left", left, work)
    segment.member_count -= len(left)
    await membership.pass_on(segment.id, [row["customer_id"] for row in left], work)
    return segment


async def on_customer_changed(event: Event, work: UnitOfWork) -> None:
    """Only the customer that changed is evaluated again."""
    await membership.take_lock(work)
    await membership.evaluate(work, [event.aggregate_id])


async def on_customers_changed(events: Sequence[Event], work: UnitOfWork) -> None:
    await membership.take_lock(work)
    await membership.evaluate(work, list(dict.fromkeys(event.aggregate_id for event in events)))


async def move_due(database: Database) -> int:
    """Job: customers whom time alone may move, each when that is due."""
    async with database.reading() as reader:
        if not await dues.due_customers(reader, database.clock.now(), 1):
            return 0
    async with database.unit([membership.MEMBERSHIP]) as work:
        customers = await dues.due_customers(work, work.clock.now(), DUE_BATCH)
        await membership.evaluate(work, customers)
    return len(customers)
