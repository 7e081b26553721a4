"""Files no record has: of requests that failed or were repeated, of records just deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from taproot_base import telemetry
from taproot_base.blobs import BlobStore
from taproot_storage.database import Database, Reader

KEEP = timedelta(days=1)
"""A file is written before its record, and deleted after it."""
BATCH = 5000

Known = Callable[[Reader, Sequence[str]], Awaitable[set[str]]]
"""Those of the keys some record has."""


@dataclass(frozen=True)
class Sweeper:
    """Job: deletes the files of a folder that no record has a day after they were written."""

    blobs: BlobStore
    folder: str
    known: Known

    async def __call__(self, database: Database) -> int:
        keys = await self.blobs.older_than(self.folder, KEEP.total_seconds())
        for begin in range(0, len(keys), BATCH):
            batch = keys[begin : begin + BATCH]
            async with database.reading() as reader:
                gone = set(batch) - await self.known(reader, batch)
            for key in sorted(gone):
                await self.blobs.delete(key)
            if gone:
                telemetry.logger.info("orphans_deleted", folder=self.folder, count=len(gone))
        return 0
