"""Takes back what a run wrote, batch after batch; what others changed or used since is theirs and stays."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot.customer.v1 import import_pb2 as pb
from taproot_chassis.operations import Cancelled, Run
from taproot_customer.customers.model import Customer
from taproot_customer.imports import messages, undo_queries
from taproot_customer.imports.model import CANCELLED, UNDONE, Import
from taproot_customer.imports.running import is_at_work, load_locked
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_form
from taproot_storage.database import Database, UnitOfWork

BATCH = 200
TAKEN_BACK, PARTLY, KEPT = "undone", "partly", "kept"
_DATES, _KEYS = frozenset({"birth_date"}), frozenset({"parent_id"})


@dataclass(frozen=True)
class _Answer:
    result: str
    kept_fields: tuple[str, ...] = ()
    removed: uuid.UUID | None = None


class ImportUndoer:
    """Handler of the operations that undo imports. Each batch notes its own results: a crash costs nothing."""

    def __init__(self, database: Database, region: str) -> None:
        self._database = database
        self._region = region

    async def __call__(self, run: Run) -> pb.Import:
        key = uuid.UUID(run.resource_id)
        try:
            while await self._batch(run, key):
                run.stop_if_cancelled()
        except Cancelled:
            await self._finish(run, key, CANCELLED)
            raise
        return await self._finish(run, key, UNDONE)

    async def _batch(self, run: Run, key: uuid.UUID) -> bool:
        async with self._database.unit() as work:
            found = await load_locked(key, work)
            if not is_at_work(found, run):
                return False
            if found.cancel_requested:
                raise Cancelled("undoing the import was cancelled")
            changes = await undo_queries.open_changes(work, key, BATCH)
            customers, used = await _touched(work, [change["customer_id"] for change in changes])
            region = found.options.get("phone_region") or self._region
            answers = [
                await _take_back(change, customers.get(change["customer_id"]), used, region, work)
                for change in changes
            ]
            await undo_queries.free_all_keys(work, [answer.removed for answer in answers if answer.removed])
            noted = zip(changes, answers, strict=True)
            await undo_queries.note(
                work, key, [(c["customer_id"], a.result, a.kept_fields) for c, a in noted]
            )
            undone = sum(1 for answer in answers if answer.result == TAKEN_BACK)
            total = found.created_count + found.updated_count
            found.advance_undo(undone, len(answers) - undone, total, work.clock.now())
            await run.progress(found.undone_count + found.kept_count, total, work)
            return bool(changes)

    async def _finish(self, run: Run, key: uuid.UUID, state: str) -> pb.Import:
        async with self._database.unit() as work:
            found: Import = await load_locked(key, work)
            if is_at_work(found, run):
                found.finish(state, "", work.clock.now())
            return messages.to_message(found)


async def _take_back(
    change: Any, customer: Customer | None, used: set[uuid.UUID], region: str, work: UnitOfWork
) -> _Answer:
    if customer is None or customer.state != "alive":
        return _Answer(KEPT)
    if change["result"] == "updated":
        return await _restore(change, customer, region, work)
    if customer.version != change["version"] or customer.id in used:
        return _Answer(KEPT)
    customer.delete(work.clock.now())
    return _Answer(TAKEN_BACK, removed=customer.id)


async def _touched(
    work: UnitOfWork, ids: list[uuid.UUID]
) -> tuple[dict[uuid.UUID, Customer], set[uuid.UUID]]:
    customers = await work.scalars(undo_queries.customers_for_undo(ids)) if ids else []
    return {customer.id: customer for customer in customers}, await undo_queries.in_use(work, ids)


async def _restore(change: Any, customer: Customer, region: str, work: UnitOfWork) -> _Answer:
    """Fields that still hold what the import wrote return to what they were."""
    after: Mapping[str, Any] = change["after"]
    ours = [name for name, value in after.items() if _stored(getattr(customer, name)) == value]
    kept = tuple(sorted(after.keys() - set(ours)))
    if not ours:
        return _Answer(KEPT, kept)
    if "identifiers" in ours:
        before = change["before"]["identifiers"]
        gone = [one for one in customer.identifiers if one not in before]
        await undo_queries.free_keys(work, customer.id, _keys(gone, region) - _keys(before, region))
    values = {name: _value(name, change["before"][name]) for name in ours}
    customer.change(values, work.clock.now())
    return _Answer(PARTLY if kept else TAKEN_BACK, kept)


def _keys(identifiers: list[dict[str, Any]], region: str) -> set[tuple[str, str]]:
    keys = set()
    for one in identifiers:
        try:
            keys.add((one["kind"], normal_form(one["kind"], one["value"], region)))
        except InvalidIdentifier:
            continue  # it has no key that could be freed
    return keys


def _stored(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def _value(name: str, stored: Any) -> Any:
    if name in _KEYS and stored:
        return uuid.UUID(stored)
    return dt.date.fromisoformat(stored) if name in _DATES and stored else stored
