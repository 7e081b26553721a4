"""What an undo must leave as it was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

# Versions and times of change count every event, undone ones too; the order of what is searched by means nothing.
_CUSTOMERS = """SELECT md5(coalesce(string_agg(h, '' ORDER BY h), '')) FROM (
    SELECT md5((to_jsonb(c) - 'version' - 'update_time' - 'search_tokens')::text
        || (SELECT array_agg(t ORDER BY t) FROM unnest(c.search_tokens) t)::text) AS h
    FROM customers c WHERE c.delete_time IS NULL) rows"""
_KEYS = """SELECT md5(coalesce(string_agg(h, '' ORDER BY h), '')) FROM (
    SELECT md5(k::text) AS h FROM customer_keys k) rows"""


@pytest.fixture
def content_hash() -> Callable[[Any], Awaitable[tuple[str, str]]]:
    """Hashes of all living customers and of the identifiers they are matched by."""

    async def read(service: Any) -> tuple[str, str]:
        connection = await asyncpg.connect(service.runtime.settings.database_url)
        try:
            return await connection.fetchval(_CUSTOMERS), await connection.fetchval(_KEYS)
        finally:
            await connection.close()

    return read
