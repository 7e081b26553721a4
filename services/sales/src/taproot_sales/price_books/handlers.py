"""Use cases of price books."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from taproot_base.errors import InvalidArgument
from taproot_records.writing import load
from taproot_sales.catalog.queries import products_by_id
from taproot_sales.price_books import queries
from taproot_sales.price_books.model import PriceBook
from taproot_storage.database import UnitOfWork


@dataclass(frozen=True)
class SetEntries:
    """`entries`: product_id, min_quantity, unit_price."""

    id: str
    etag: str
    entries: list[dict[str, Any]] = field(default_factory=list)
    removed: list[UUID] = field(default_factory=list)


async def set_entries(command: SetEntries, work: UnitOfWork) -> PriceBook:
    book = await load(work, PriceBook, command.id, command.etag, deleted=False)
    await _check_entries(command, work)
    await queries.put_entries(work, book.id, command.entries, command.removed)
    book.entries_set(command.entries, command.removed, work.clock.now())
    return book


async def _check_entries(command: SetEntries, work: UnitOfWork) -> None:
    known = await products_by_id(work, {entry["product_id"] for entry in command.entries})
    seen: set[tuple[Any, Any]] = set()
    faults = []
    for number, entry in enumerate(command.entries):
        place = (entry["product_id"], entry["min_quantity"])
        if entry["product_id"] not in known:
            faults.append((f"entries[{number}].product_id", "is not a product"))
        if place in seen:
            faults.append((f"entries[{number}].min_quantity", "is named twice for the product"))
        if entry["product_id"] in command.removed:
            faults.append((f"entries[{number}].product_id", "is to be removed too"))
        seen.add(place)
    if faults:
        raise InvalidArgument(faults)
