"""Use cases of uploads: no rows, only files in a folder of the caller's own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from taproot_base.blobs import BlobStore
from taproot_base.context import current_call
from taproot_base.errors import AppError, InvalidArgument, Kind, NotFound, Violation

FOLDER = "uploads"
MOST_BYTES = 1024**3
MOST_PART_BYTES = 25 * 1024 * 1024
KEEP = timedelta(hours=24)


class WrongOffset(AppError):
    kind = Kind.CONFLICT
    reason = "WRONG_OFFSET"


def key_of(upload_id: str) -> str:
    """Of the caller's own upload: nobody names those of others."""
    return f"{FOLDER}/{current_call().principal.subject}/{upload_id}"


async def size_of(upload_id: str, blobs: BlobStore) -> int:
    size = await blobs.size(key_of(upload_id))
    if not size:
        raise NotFound("upload", upload_id)
    return size


async def append_part(upload_id: str, offset: int, part: bytes, blobs: BlobStore) -> int:
    """Bytes there are after that."""
    faults = []
    if not part:
        faults.append(Violation("content", "is empty"))
    if len(part) > MOST_PART_BYTES:
        faults.append(Violation("content", f"is longer than {MOST_PART_BYTES} bytes"))
    if offset + len(part) > MOST_BYTES:
        faults.append(Violation("offset", f"the file would be longer than {MOST_BYTES} bytes"))
    if faults:
        raise InvalidArgument(faults)
    size = await blobs.append(key_of(upload_id), offset, part)
    if size < offset:
        raise WrongOffset(f"the next part begins at {size}", size_bytes=str(size))
    return size


async def delete_upload(upload_id: str, blobs: BlobStore) -> int:
    size = await size_of(upload_id, blobs)
    await blobs.delete(key_of(upload_id))
    return size


async def expire(blobs: BlobStore, _database: Any) -> int:
    """Job: drops what nobody has added to for a day."""
    for key in await blobs.older_than(FOLDER, KEEP.total_seconds()):
        await blobs.delete(key)
    return 0
