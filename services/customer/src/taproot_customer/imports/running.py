"""A run: chunk after chunk, each with its progress in one transaction, so that a crash costs nothing.

Whoever runs it, after whatever crash, goes on at the position stored with the last chunk. Two runners at once,
as after a lost lease, meet at the locked import: the second sees that the position moved and reads again.
"""

from __future__ import annotations

import asyncio
import functools
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from taproot.customer.v1 import import_pb2 as pb
from taproot_base import telemetry
from taproot_base.blobs import BlobStore
from taproot_base.errors import AppError, NotFound
from taproot_chassis.consumers import INFRASTRUCTURE
from taproot_chassis.operations import Cancelled, Run, is_passing
from taproot_chassis.placement import Placer
from taproot_customer.computing import WorkerPool
from taproot_customer.imports import handlers, linking, messages, parsing, queries
from taproot_customer.imports.model import ACTIVE, CANCELLED, FAILED, SUCCEEDED, VALIDATED, VALIDATING, Import
from taproot_customer.imports.reading import Position
from taproot_customer.imports.writing import REJECTED, Chunk, Outcome
from taproot_storage.database import Database, UnitOfWork

Parse = Callable[[Position | None], Awaitable[parsing.Chunk]]
CHUNK_ROWS = 500
PREVIEW_ROWS = 1000
RETRY_SECONDS = 1.0


class ImportRunner:
    """Handler of the operations of imports."""

    def __init__(self, database: Database, blobs: BlobStore, pool: WorkerPool, region: str) -> None:
        self._database = database
        self._blobs = blobs
        self._pool = pool
        self._region = region

    async def __call__(self, run: Run) -> pb.Import:
        key = uuid.UUID(run.resource_id)
        with tempfile.TemporaryDirectory(prefix="import-") as folder:
            path = Path(folder) / "file"
            found = await self._fetch(key, path)
            try:
                await self._work_off(run, key, str(path))
            except Cancelled:
                await self._finish(run, key, CANCELLED)
                raise
            except Exception as error:
                if not is_passing(error):
                    said = error.message if isinstance(error, AppError) else "an internal error"
                    await self._finish(run, key, FAILED, said)
                raise
        dry = found.state == VALIDATING
        return await self._finish(run, key, VALIDATED if dry else SUCCEEDED)

    async def _fetch(self, key: uuid.UUID, path: Path) -> Import:
        async with self._database.unit() as work:
            found = await load_locked(key, work)
            content_key = found.blob_key
        await self._blobs.save(content_key, path)
        return found

    async def _work_off(self, run: Run, key: uuid.UUID, path: str) -> None:
        finished = False
        while not finished:
            run.stop_if_cancelled()
            try:
                finished = await self._go_on(run, key, path)
            except INFRASTRUCTURE as error:
                telemetry.logger.warning("import_paused", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def _go_on(self, run: Run, key: uuid.UUID, path: str) -> bool:
        """From the stored position to the end; the next chunk is parsed while one is written."""
        async with self._database.unit() as work:
            found = await load_locked(key, work)
            if not is_at_work(found, run):
                return True
            start = _position(found)
        parse = functools.partial(self._parse, found, path)
        ahead = asyncio.ensure_future(parse(start))
        try:
            while True:
                run.stop_if_cancelled()
                chunk = await ahead
                if not chunk.finished:
                    ahead = asyncio.ensure_future(parse(chunk.after))
                async with self._database.unit() as work:
                    if not await self._write(run, key, start, chunk, work):
                        return False
                if chunk.finished:
                    return await self._link(run, key, parse)
                start = chunk.after
        finally:
            ahead.cancel()

    async def _link(self, run: Run, key: uuid.UUID, parse: Parse) -> bool:
        """The second reading, for the parents. True, also where somebody else has taken over: there is nothing left."""
        start: Position | None = None
        while True:
            async with self._database.unit() as work:
                found = await load_locked(key, work)
                if (
                    not is_at_work(found, run)
                    or found.state == VALIDATING
                    or not linking.names_parents(found)
                ):
                    return True
                if found.cancel_requested:
                    raise Cancelled("the import was cancelled")
                chunk = await parse(start)
                await linking.link(found, chunk.rows, work)
            if chunk.finished:
                return True
            start = chunk.after

    async def _parse(self, found: Import, path: str, start: Position | None) -> parsing.Chunk:
        return await self._pool.run(
            parsing.parse_chunk,
            path,
            found.dialect["encoding"],
            messages.stored_dialect(found.dialect),
            [column["header"] for column in found.columns],
            messages.row_options(found, self._region),
            start,
            CHUNK_ROWS,
        )

    async def _write(
        self, run: Run, key: uuid.UUID, start: Position | None, chunk: parsing.Chunk, work: UnitOfWork
    ) -> bool:
        """False when somebody else has moved the position meanwhile."""
        found = await load_locked(key, work)
        if found.cancel_requested:
            raise Cancelled("the import was cancelled")
        if _position(found) != start or found.operation_id != run.id:
            return False
        dry = found.state == VALIDATING
        place = await Placer("customers", work).place(found.owner_id, found.branch_id)
        writer = Chunk(found.id, place, handlers.policy_of(found), dry, work)
        outcomes = await writer.write(chunk.rows)
        await queries.add_rows(work, _kept_rows(found, outcomes, dry=dry))
        found.advance(
            [outcome.result for outcome in outcomes], chunk.after.offset, chunk.after.line, work.clock.now()
        )
        await run.progress(found.done_bytes, found.size_bytes, work)
        return True

    async def _finish(self, run: Run, key: uuid.UUID, state: str, error: str = "") -> pb.Import:
        async with self._database.unit() as work:
            found = await load_locked(key, work)
            if is_at_work(found, run):
                found.finish(state, error, work.clock.now())
            return messages.to_message(found)


async def load_locked(key: uuid.UUID, work: UnitOfWork) -> Import:
    found: Import | None = await work.scalar(queries.for_run(key))
    if found is None:
        raise NotFound("import", key)
    return found


def is_at_work(found: Import, run: Run) -> bool:
    """False for a run that ended, and died before its operation did: there is nothing left to do, nor to end again."""
    return found.state in ACTIVE and found.operation_id == run.id


def _position(found: Import) -> Position | None:
    return Position(found.done_bytes, found.next_line) if found.next_line else None


def _kept_rows(found: Import, outcomes: Sequence[Outcome], *, dry: bool) -> list[dict[str, object]]:
    """Every rejected row; of a dry run also what the first rows would become."""
    room = max(0, PREVIEW_ROWS - found.read_count) if dry else 0
    return [
        {
            "import_id": found.id,
            "line": outcome.row.line,
            "result": outcome.result,
            "cells": [
                cell.encode("utf-8", "replace").decode().replace("\0", "") for cell in outcome.row.cells
            ],
            "reasons": list(outcome.reasons),
            "customer_id": outcome.customer_id,
        }
        for number, outcome in enumerate(outcomes)
        if outcome.result == REJECTED or number < room
    ]
