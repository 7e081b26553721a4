"""Files beside the records: uploads, rejects, documents. A directory here, S3-compatible in a cluster."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Protocol


class BlobStore(Protocol):
    """Keys are `<owner>/<name>`; a key is written once and never changed."""

    async def put(self, key: str, content: bytes) -> None: ...

    async def get(self, key: str) -> bytes: ...

    async def save(self, key: str, path: Path) -> None:
        """As a file, without holding it in memory."""

    async def delete(self, key: str) -> None: ...

    async def older_than(self, folder: str, seconds: float) -> list[str]:
        """Keys of a folder written before that long ago."""


class DirectoryBlobStore:
    """Blobs as files. A blob is there whole or not at all, also after a crash."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, key: str) -> Path:
        """Where the blob lies; ValueError for a key that would leave the store."""
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise ValueError("the key leaves the store")
        return path

    async def put(self, key: str, content: bytes) -> None:
        await asyncio.to_thread(self._write, self.path(key), content)

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        with partial.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)

    async def get(self, key: str) -> bytes:
        return await asyncio.to_thread(self.path(key).read_bytes)

    async def save(self, key: str, path: Path) -> None:
        await asyncio.to_thread(shutil.copyfile, self.path(key), path)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    async def older_than(self, folder: str, seconds: float) -> list[str]:
        return await asyncio.to_thread(self._older_than, folder, time.time() - seconds)

    def _older_than(self, folder: str, before: float) -> list[str]:
        place = self.path(folder)
        entries = os.scandir(place) if place.exists() else ()
        return [f"{folder}/{entry.name}" for entry in entries if entry.stat().st_mtime < before]
