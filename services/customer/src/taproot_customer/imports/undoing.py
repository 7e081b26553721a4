"""Takes back what a run wrote, batch after batch; what others changed or used since is theirs and stays."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from taproot.customer.v1 import import_pb2 as pb
from taproot_chassis.operations import Cancelled, Run
from taproot_customer.imports import messages, undo_queries
from taproot_customer.imports.model import CANCELLED, UNDONE, Import
from taproot_customer.imports.restoring import TAKEN_BACK, Batch
from taproot_customer.imports.running import is_at_work, load_locked
from taproot_storage.database import Database, UnitOfWork

BATCH = 500
_FIRST = uuid.UUID(int=0)


@dataclass
class _Undo:
    """One go at it. `after`: the customers up to this one have been looked at."""

    run: Run
    import_id: uuid.UUID
    after: uuid.UUID = _FIRST


class ImportUndoer:
    """Handler of the operations that undo imports. Each batch notes its own results: a crash costs nothing."""

    def __init__(self, database: Database, region: str) -> None:
        self._database = database
        self._region = region

    async def __call__(self, run: Run) -> pb.Import:
        undo = _Undo(run, uuid.UUID(run.resource_id))
        try:
            while await self._batch(undo):
                run.stop_if_cancelled()
        except Cancelled:
            await self._finish(undo, CANCELLED)
            raise
        return await self._finish(undo, UNDONE)

    async def _batch(self, undo: _Undo) -> bool:
        async with self._database.unit() as work:
            found = await load_locked(undo.import_id, work)
            if not is_at_work(found, undo.run):
                return False
            if found.cancel_requested:
                raise Cancelled("undoing the import was cancelled")
            changes = await undo_queries.open_changes(work, undo.import_id, undo.after, BATCH)
            if not changes:
                return False
            batch = Batch(work, found.options.get("phone_region") or self._region)
            await batch.take_back(changes)
            await undo_queries.note(work, undo.import_id, batch.answers)
            await _advance(found, undo.run, batch, work)
        # Behind it there is nothing open any more: not to be walked over by each batch that follows.
        undo.after = changes[-1]["customer_id"]
        return True

    async def _finish(self, undo: _Undo, state: str) -> pb.Import:
        async with self._database.unit() as work:
            found: Import = await load_locked(undo.import_id, work)
            if is_at_work(found, undo.run):
                found.finish(state, "", work.clock.now())
            return messages.to_message(found)


async def _advance(found: Import, run: Run, batch: Batch, work: UnitOfWork) -> None:
    undone = sum(1 for answer in batch.answers if answer.result == TAKEN_BACK)
    total = found.created_count + found.updated_count
    found.advance_undo(undone, len(batch.answers) - undone, total, work.clock.now())
    await run.progress(found.undone_count + found.kept_count, total, work)
