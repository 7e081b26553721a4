"""Use cases of price books."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from taproot_base.errors import InvalidArgument
from taproot_sales.base import flush_unique
from taproot_sales.catalog.queries import products_by_id
from taproot_sales.fields import patched
from taproot_sales.price_books import queries
from taproot_sales.price_books.model import PriceBook
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag


@dataclass(frozen=True)
class CreatePriceBook:
    id: UUID
    values: dict[str, Any]


@dataclass(frozen=True)
class UpdatePriceBook:
    id: UUID
    etag: str
    values: dict[str, Any]


@dataclass(frozen=True)
class DeletePriceBook:
    id: UUID
    etag: str


@dataclass(frozen=True)
class SetEntries:
    """`entries`: product_id, min_quantity, unit_price."""

    id: UUID
    etag: str
    entries: list[dict[str, Any]] = field(default_factory=list)
    removed: list[UUID] = field(default_factory=list)


async def create_price_book(command: CreatePriceBook, work: UnitOfWork) -> PriceBook:
    book = PriceBook.create({"id": command.id} | command.values, work.clock.now())
    await work.add(book)
    await flush_unique(work, {})
    return book


async def update_price_book(command: UpdatePriceBook, work: UnitOfWork) -> PriceBook:
    book = await queries.load(work, command.id)
    check_etag(command.etag, book.version)
    book.change(patched(command.values, book.custom), work.clock.now())
    return book


async def delete_price_book(command: DeletePriceBook, work: UnitOfWork) -> PriceBook:
    book = await queries.load(work, command.id)
    check_etag(command.etag, book.version)
    book.delete(work.clock.now())
    return book


async def set_entries(command: SetEntries, work: UnitOfWork) -> PriceBook:
    book = await queries.load(work, command.id)
    check_etag(command.etag, book.version)
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
