"""Use cases of API keys."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import Any

from taproot_base.errors import NotFound
from taproot_base.ids import new_id
from taproot_gateway.api_keys import queries
from taproot_gateway.api_keys.model import MOST_KEYS, TooManyApiKeys
from taproot_gateway.callers import credential_hash
from taproot_gateway.revocations import announce
from taproot_storage.database import UnitOfWork

KEY_PREFIX = "tk_"
_SHOWN = 8


async def create_api_key(
    user_id: uuid.UUID, display_name: str, scope: str, expire_time: datetime, work: UnitOfWork
) -> tuple[dict[str, Any], str]:
    """The row and the key itself, which is kept nowhere. The caller holds the user's advisory lock."""
    if await queries.count_keys(work, user_id) >= MOST_KEYS:
        raise TooManyApiKeys
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    row = {
        "id": new_id(),
        "key_hash": credential_hash(key),
        "user_id": user_id,
        "display_name": display_name,
        "prefix": key[:_SHOWN],
        "scope": scope,
        "create_time": work.clock.now(),
        "expire_time": expire_time,
        "last_used_time": None,
    }
    await queries.add_key(work, row)
    return row, key


async def delete_api_key(user_id: uuid.UUID, key: uuid.UUID, work: UnitOfWork) -> None:
    if not await queries.delete_key(work, user_id, key):
        raise NotFound("API key", key)
    await announce(work, user_id)
