"""Use cases of exports."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from taproot_base.blobs import BlobStore
from taproot_base.context import current_call
from taproot_base.errors import NotFound
from taproot_base.ids import new_id
from taproot_chassis import operations
from taproot_chassis.placement import Placer, caller_id
from taproot_customer.exports import queries
from taproot_customer.exports.files import part_key
from taproot_customer.exports.model import Export
from taproot_customer.reading import load_one
from taproot_customer.results import CANCELLED, FAILED, SUCCEEDED
from taproot_storage.database import UnitOfWork
from taproot_storage.reads import Lists

RUN = "export"


async def create_export(
    key: uuid.UUID | None, values: Mapping[str, Any], work: UnitOfWork, lists: Lists
) -> Export:
    """Refuses at once what the run could not read. Raises InvalidListing."""
    call = current_call()
    call.directory.require(call.principal, "customers.read")
    asked = queries.CustomersAsked(values["filter"], values["order_by"], page_size=1)
    await queries.customers_page(work, asked, lists)
    key = key or new_id()
    place = await Placer("exports", work).place(caller_id(), None)
    operation_id = await operations.start(work, RUN, str(key), {})
    found = Export.create(
        key,
        {
            **values,
            "operation_id": operation_id,
            "owner_id": place.owner_id,
            "branch_id": place.branch_id,
            "branch_path": place.branch_path,
        },
        work.clock.now(),
    )
    await work.add(found)
    return found


async def delete_export(key: uuid.UUID, etag: str, work: UnitOfWork) -> Export:
    found: Export = await load_one(work, Export, key, etag)
    found.require(SUCCEEDED, FAILED, CANCELLED)
    found.record("deleted", work.clock.now())
    await work.flush()
    await work.execute(queries.remove(key))
    return found


async def fetch_part(key: uuid.UUID, part: int, work: UnitOfWork) -> Export:
    """The export whose part may be read. To everybody but its owner there is none."""
    found: Export = await load_one(work, Export, key)
    if found.owner_id != caller_id():
        raise NotFound("export", key)
    if part == 0:
        found.fetched(work.clock.now())
    found.require(SUCCEEDED)
    if part >= found.part_count:
        raise NotFound("part of the export", part)
    return found


async def content_of(blobs: BlobStore, key: uuid.UUID, part: int) -> bytes:
    """Raises NotFound when the file went because it named somebody who was erased."""
    try:
        return await blobs.get(part_key(key, part))
    except FileNotFoundError as error:
        raise NotFound("part of the export", part) from error
