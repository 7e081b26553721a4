"""Files beside the records: uploads, rejects, documents. A directory here, S3-compatible in a cluster."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

_PIECE = 1024 * 1024


class BlobStore(Protocol):
    """Keys are `<owner>/<name>`; but for uploads a key is written once and never changed."""

    async def put(self, key: str, content: bytes) -> None: ...

    async def get(self, key: str) -> bytes: ...

    async def save(self, key: str, path: Path) -> None:
        """As a file, without holding it in memory."""

    async def add(self, key: str, path: Path) -> None:
        """From a file, without holding it in memory."""

    async def size(self, key: str) -> int:
        """In bytes; 0 when there is none."""

    async def append(self, key: str, offset: int, content: bytes) -> int:
        """Add what is missing of a part to the one kind of blob that grows: an upload. Its size after that, which
        is less than `offset` when parts before are missing and nothing was added.
        """

    async def delete(self, key: str) -> None: ...

    async def older_than(self, folder: str, seconds: float) -> list[str]:
        """Keys in and below a folder written before that long ago."""


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
        with _whole(path) as out:
            out.write(content)

    async def add(self, key: str, path: Path) -> None:
        await asyncio.to_thread(self._add, self.path(key), path)

    def _add(self, path: Path, source: Path) -> None:
        with source.open("rb") as read, _whole(path) as out:
            shutil.copyfileobj(read, out, _PIECE)

    async def size(self, key: str) -> int:
        path = self.path(key)
        return await asyncio.to_thread(lambda: path.stat().st_size if path.exists() else 0)

    async def append(self, key: str, offset: int, content: bytes) -> int:
        return await asyncio.to_thread(self._append, self.path(key), offset, content)

    def _append(self, path: Path, offset: int, content: bytes) -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as out:
            fcntl.flock(
                out, fcntl.LOCK_EX
            )  # until it is closed: a repeat may come while the first is being written
            size = os.fstat(out.fileno()).st_size
            if size < offset:
                return size
            out.write(content[size - offset :])
            out.flush()
            os.fsync(out.fileno())
            return os.fstat(out.fileno()).st_size

    async def get(self, key: str) -> bytes:
        return await asyncio.to_thread(self.path(key).read_bytes)

    async def save(self, key: str, path: Path) -> None:
        await asyncio.to_thread(shutil.copyfile, self.path(key), path)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    async def older_than(self, folder: str, seconds: float) -> list[str]:
        return await asyncio.to_thread(self._older_than, folder, time.time() - seconds)

    def _older_than(self, folder: str, before: float) -> list[str]:
        found = (path for path in self.path(folder).rglob("*") if path.is_file())
        root = self._root.resolve()
        return [path.relative_to(root).as_posix() for path in found if path.stat().st_mtime < before]


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """What is written comes to be under this name when all of it is on the disk; a full disk leaves nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with partial.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
