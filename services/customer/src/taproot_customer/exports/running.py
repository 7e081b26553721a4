"""Writes the file of an export: pages of customers to rows on disk, then the rows in the wanted format.

The columns are known only when all rows were met, hence the two steps; neither holds more than a page in memory.
A run broken off begins anew: until the end nothing but its operation shows.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from taproot.customer.v1 import export_pb2 as pb
from taproot_base.blobs import BlobStore
from taproot_base.context import current_call
from taproot_base.errors import AppError, NotFound
from taproot_base.masking import mask
from taproot_chassis.operations import Cancelled, Run, is_passing
from taproot_customer.customers import messages as customers
from taproot_customer.exports import messages, queries
from taproot_customer.exports.files import part_key
from taproot_customer.exports.flattening import flat, ordered
from taproot_customer.exports.formats import WRITERS
from taproot_customer.exports.model import Export
from taproot_customer.results import CANCELLED, FAILED, RUNNING, SUCCEEDED
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.reads import Lists

PART_BYTES = 8 * 1024 * 1024


@dataclass
class _Spool:
    """Rows on disk, and the columns met in them."""

    path: Path
    columns: dict[str, None] = field(default_factory=dict)
    count: int = 0

    def add(self, rows: list[dict[str, str]]) -> None:
        with self.path.open("a", encoding="utf-8", errors="replace") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        self.columns.update(dict.fromkeys(column for row in rows for column in row))
        self.count += len(rows)

    def rows(self) -> Iterator[dict[str, str]]:
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)


class ExportRunner:
    """Handler of the operations of exports; reads with the rights and masks of who asked."""

    def __init__(self, database: Database, blobs: BlobStore, page_key: bytes) -> None:
        self._database = database
        self._blobs = blobs
        self._lists = Lists(page_key)

    async def __call__(self, run: Run) -> pb.Export:
        key = uuid.UUID(run.resource_id)
        try:
            with tempfile.TemporaryDirectory(prefix="export-") as folder:
                return await self._write(run, key, Path(folder))
        except Cancelled:
            await self._finish(key, CANCELLED)
            raise
        except Exception as error:
            if not is_passing(error):  # else it begins anew
                said = error.message if isinstance(error, AppError) else "an internal error"
                await self._finish(key, FAILED, said)
            raise

    async def _write(self, run: Run, key: uuid.UUID, folder: Path) -> pb.Export:
        async with self._database.unit() as work:
            found = await _load(key, work)
            if found.state != RUNNING:  # it ended, and died before its operation did
                return messages.to_message(found)
            asked = queries.CustomersAsked(found.filter, found.order_by)
            wanted, form = list(found.columns), found.file_format
        spool = _Spool(folder / "rows")
        spool.path.touch()
        await self._collect(run, key, asked, spool)
        columns = ordered(spool.columns, wanted)
        path = folder / "file"
        await asyncio.to_thread(WRITERS[form], path, columns, spool.rows())
        parts = await self._store(key, path)
        async with self._database.unit() as work:
            found = await _load(key, work)
            found.row_count, found.size_bytes, found.part_count = spool.count, path.stat().st_size, parts
            found.finish(SUCCEEDED, "", work.clock.now())
            return messages.to_message(found)

    async def _collect(self, run: Run, key: uuid.UUID, asked: queries.CustomersAsked, spool: _Spool) -> None:
        masked = current_call().masked
        token = ""
        while True:
            run.stop_if_cancelled()
            page_asked = queries.CustomersAsked(asked.filter, asked.order_by, token)
            async with self._database.reading() as reader:
                page = await queries.customers_page(reader, page_asked, self._lists)
            rows = []
            for row in page.rows:
                message = customers.to_message(row)
                mask(message, masked)
                rows.append(flat(message))
            await asyncio.to_thread(spool.add, rows)
            async with self._database.unit() as work:
                (await _load(key, work)).row_count = spool.count
                await run.progress(spool.count, 0, work)
            token = page.next_page_token
            if not token:
                return

    async def _store(self, key: uuid.UUID, path: Path) -> int:
        part = 0
        with path.open("rb") as file:
            while (content := await asyncio.to_thread(file.read, PART_BYTES)) or part == 0:
                await self._blobs.put(part_key(key, part), content)
                part += 1
        return part

    async def _finish(self, key: uuid.UUID, state: str, error: str = "") -> None:
        async with self._database.unit() as work:
            (await _load(key, work)).finish(state, error, work.clock.now())


async def _load(key: uuid.UUID, work: UnitOfWork) -> Export:
    found: Export | None = await work.scalar(queries.for_run(key))
    if found is None:
        raise NotFound("export", key)
    return found
