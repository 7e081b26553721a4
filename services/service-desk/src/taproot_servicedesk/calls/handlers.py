"""Use cases of calls."""

from __future__ import annotations

import uuid
from datetime import datetime

from taproot_chassis.placement import caller_id
from taproot_records.checks import Checks
from taproot_records.mapping import Values
from taproot_records.writing import load, moved, new_key, patched, placed
from taproot_servicedesk.calls import queries
from taproot_servicedesk.calls.model import Call, CallExists
from taproot_servicedesk.calls.phone import normal_phone
from taproot_servicedesk.customer_refs.queries import ADMISSION, check_customer, only_customer_of
from taproot_storage.database import UnitOfWork


async def create_call(chosen: str, values: Values, region: str, work: UnitOfWork) -> Call:
    """The caller holds the lock of the external id."""
    if values.get("external_id") and await queries.is_taken(work, values["external_id"]):
        raise CallExists
    now = work.clock.now()
    phone, checks = normal_phone(values["phone"], region) if values.get("phone") else "", Checks()
    call = Call(id=await new_key(work, Call, chosen), version=0, start_time=now)
    with checks:
        values = await placed(work, "calls", values)
    call.set_all(values | {"phone": phone})
    with checks:
        call.start(now)
    with checks:
        await check_customer(call.customer_id, "call.customer_id", work)
    checks.done()
    if call.customer_id is None:
        call.customer_id = await _caller_of(phone, work)
    await work.add(call)
    return call


async def _caller_of(phone: str, work: UnitOfWork) -> uuid.UUID | None:
    found = await only_customer_of(work, phone)
    return None if found is None or await ADMISSION.hides(found, work) else found


async def update_call(key: uuid.UUID, etag: str, values: Values, region: str, work: UnitOfWork) -> Call:
    call = await load(work, Call, key, etag)
    await check_customer(values.get("customer_id"), "call.customer_id", work)
    if "phone" in values:
        values = values | {"phone": normal_phone(values["phone"], region)}
    call.change(patched(call, await moved(work, "calls", call, values)), work.clock.now())
    return call


async def answer_call(
    key: uuid.UUID, etag: str, owner_id: uuid.UUID | None, at: datetime | None, work: UnitOfWork
) -> Call:
    call = await load(work, Call, key, etag)
    now = work.clock.now()
    call.answer(owner_id or caller_id(), at or now, now)
    return call


async def end_call(key: uuid.UUID, etag: str, values: Values, at: datetime | None, work: UnitOfWork) -> Call:
    call = await load(work, Call, key, etag)
    now = work.clock.now()
    call.end(at or now, values, now)
    return call
