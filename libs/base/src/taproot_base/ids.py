"""Keys: UUIDv7, so that an index grows at its end. Never an order: use a time column for that."""

from __future__ import annotations

import uuid
import zlib

from uuid_utils.compat import uuid7

SHARDS = 16


def new_id() -> uuid.UUID:
    return uuid7()


def derived_id(namespace: uuid.UUID, *parts: str) -> uuid.UUID:
    """The same parts give the same key: for effects that must happen once."""
    return uuid.uuid5(namespace, "\x1f".join(parts))


def shard_of(key: uuid.UUID | str) -> int:
    return zlib.crc32(str(key).encode()) % SHARDS
