"""The recycle bin, for records whose deletion needs nothing but their own verbs."""

from __future__ import annotations

from typing import TypeVar

from taproot_customer.base import Recyclable
from taproot_records.writing import load
from taproot_storage.database import UnitOfWork

R = TypeVar("R", bound=Recyclable)


async def delete_record(model: type[R], key: str, etag: str, work: UnitOfWork) -> R:
    record = await load(work, model, key, etag)
    record.delete(work.clock.now())
    return record


async def undelete_record(model: type[R], key: str, work: UnitOfWork) -> R:
    record = await load(work, model, key)
    record.undelete(work.clock.now())
    return record
