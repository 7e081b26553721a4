"""Use cases of care dates."""

from __future__ import annotations

import datetime as dt
import uuid

from taproot_base.errors import InvalidArgument
from taproot_customer.care_dates import queries
from taproot_customer.care_dates.model import CareDate
from taproot_customer.parents import find_parent
from taproot_records.mapping import Values
from taproot_records.writing import load, new_key, patched
from taproot_storage.database import Reader, UnitOfWork


async def customers_today(reader: Reader, customer_id: uuid.UUID, now: dt.datetime, default: str) -> dt.date:
    return now.astimezone(await queries.zone(reader, customer_id, default)).date()


async def create_care_date(chosen: str, values: Values, default_zone: str, work: UnitOfWork) -> CareDate:
    """Lies where its customer lies, and belongs to its owner."""
    parent = await find_parent(work, values["customer_id"])
    contact = values.get("contact_id")
    if contact is not None and not await queries.is_contact_of(work, contact, parent.id):
        raise InvalidArgument([("care_date.contact_id", "is no contact of this customer")])
    key, now = await new_key(work, CareDate, chosen), work.clock.now()
    today = await customers_today(work, parent.id, now, default_zone)
    created = CareDate.create(key, values | parent.held | {"owner_id": parent.owner_id}, today, now)
    await work.add(created)
    return created


async def update_care_date(
    key: str, etag: str, values: Values, default_zone: str, work: UnitOfWork
) -> CareDate:
    found = await load(work, CareDate, key, etag)
    today = await customers_today(work, found.customer_id, work.clock.now(), default_zone)
    found.revise(patched(found, values), today, work.clock.now())
    return found


async def cancel_care_date(key: str, etag: str, work: UnitOfWork) -> CareDate:
    found = await load(work, CareDate, key, etag)
    found.cancel(work.clock.now())
    return found


async def reopen_care_date(key: str, etag: str, default_zone: str, work: UnitOfWork) -> CareDate:
    found = await load(work, CareDate, key, etag)
    now = work.clock.now()
    found.reopen(await customers_today(work, found.customer_id, now, default_zone), now)
    return found


async def undelete_care_date(key: str, default_zone: str, work: UnitOfWork) -> CareDate:
    found = await load(work, CareDate, key)
    now = work.clock.now()
    found.bring_back(await customers_today(work, found.customer_id, now, default_zone), now)
    return found
