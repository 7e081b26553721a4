"""Writes the archive of one person: JSON lines of every service and a page that says what is where."""

from __future__ import annotations

import asyncio
import html
import tempfile
import uuid
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from taproot.customer.v1 import export_pb2 as pb
from taproot_base.blobs import BlobStore
from taproot_base.errors import AppError, NotFound
from taproot_chassis.operations import Cancelled, Run, is_passing
from taproot_customer.exports import messages, queries
from taproot_customer.exports.files import part_key
from taproot_customer.exports.model import Export
from taproot_customer.exports.running import PART_BYTES
from taproot_customer.privacy.asking import Everyone
from taproot_customer.privacy.model import SERVICES
from taproot_customer.results import CANCELLED, FAILED, RUNNING, SUCCEEDED
from taproot_records.privacy.holdings import Person
from taproot_storage.database import Database, UnitOfWork

INDEX = "index.html"


@dataclass(frozen=True)
class ArchiveRunner:
    """Handler of the operation `personal-data-export`. A run broken off begins anew."""

    database: Database
    blobs: BlobStore
    everyone: Everyone

    async def __call__(self, run: Run) -> pb.Export:
        key = uuid.UUID(run.resource_id)
        try:
            return await self._write(run, key)
        except Cancelled:
            await self._finish(key, CANCELLED, "")
            raise
        except AppError as error:
            if not is_passing(error):
                await self._finish(key, FAILED, error.message)
            raise

    async def _write(self, run: Run, key: uuid.UUID) -> pb.Export:
        async with self.database.unit() as work:
            found = await _load(key, work)
            if found.state != RUNNING:
                return messages.to_message(found)
        asked = Person(frozenset([uuid.UUID(run.parameters["customer_id"])]))
        person, _open = await self.everyone.find(asked)
        with tempfile.TemporaryDirectory(prefix="person-") as folder:
            path = Path(folder) / "archive.zip"
            counts = await self._collect(run, person, Path(folder))
            await asyncio.to_thread(_pack, Path(folder), path, counts)
            parts, size = await self._store(key, path), path.stat().st_size
        async with self.database.unit() as work:
            found = await _load(key, work)
            found.row_count, found.size_bytes, found.part_count = sum(counts.values()), size, parts
            found.finish(SUCCEEDED, "", work.clock.now())
            return messages.to_message(found)

    async def _collect(self, run: Run, person: Person, folder: Path) -> Counter[str]:
        counts: Counter[str] = Counter()
        for number, service in enumerate(SERVICES, 1):
            run.stop_if_cancelled()
            async for one in self.everyone.collect(service, person):
                name = f"{service}/{one.table}.jsonl"
                counts[name] += 1
                await asyncio.to_thread(_append, folder / "rows" / name, one.json)
            async with self.database.unit() as work:
                await run.progress(number, len(SERVICES), work)
        return counts

    async def _store(self, key: uuid.UUID, path: Path) -> int:
        part = 0
        with path.open("rb") as file:
            while content := await asyncio.to_thread(file.read, PART_BYTES):
                await self.blobs.put(part_key(key, part), content)
                part += 1
        return part

    async def _finish(self, key: uuid.UUID, state: str, error: str) -> None:
        async with self.database.unit() as work:
            (await _load(key, work)).finish(state, error, work.clock.now())


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _pack(folder: Path, path: Path, counts: Counter[str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(INDEX, _index(counts))
        for name in sorted(counts):
            archive.write(folder / "rows" / name, name)


def _index(counts: Counter[str]) -> str:
    rows = "".join(
        f'<tr><td><a href="{html.escape(name)}">{html.escape(name)}</a></td><td>{count}</td></tr>'
        for name, count in sorted(counts.items())
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Personal data</title>'
        "<h1>Everything held about you · 关于您的全部数据</h1>"
        "<p>One file for each kind of record, with one record a line as JSON. "
        "<code>events.jsonl</code> tells what happened, in order.</p>"
        "<p>每类记录一个文件,每行一条 JSON 记录。<code>events.jsonl</code> 依次记载所发生的事。</p>"
        f"<table><tr><th>file</th><th>records</th></tr>{rows}</table></html>"
    )


async def _load(key: uuid.UUID, work: UnitOfWork) -> Export:
    found: Export | None = await work.scalar(queries.for_run(key))
    if found is None:
        raise NotFound("export", key)
    return found
