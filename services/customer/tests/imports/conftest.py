"""What an undo must leave as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from taproot_customer.customers.model import Customer, customer_keys
from taproot_storage.visibility import unscoped

# They count every event, undone ones too.
_PASSING = ("version", "update_time")


@pytest.fixture
def content_hash() -> Callable[[Any], Awaitable[tuple[str, str]]]:
    """Hashes of all living customers and of the identifiers they are matched by."""

    async def read(service: Any) -> tuple[str, str]:
        alive = Customer.delete_time.is_(None), unscoped(Customer, "all there are")
        async with service.runtime.database.reading() as reader:
            people = await reader.fetch(select(Customer.__table__).where(*alive))
            keys = await reader.fetch(select(customer_keys))
        return _hash(_lasting(row) for row in people), _hash(dict(row) for row in keys)

    return read


def _lasting(row: Any) -> dict[str, Any]:
    """The order of what is searched by means nothing."""
    kept = {name: value for name, value in row.items() if name not in _PASSING}
    return kept | {"search_tokens": sorted(row["search_tokens"])}


def _hash(rows: Any) -> str:
    return hashlib.sha256("\n".join(sorted(repr(row) for row in rows)).encode()).hexdigest()
