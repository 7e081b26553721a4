"""Use cases of object types."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement

from taproot_custom.changing import RecordsInTheWay
from taproot_customer.object_types.model import REQUIRED, ObjectType
from taproot_customer.objects.model import CustomObject
from taproot_records.keeping import create_record, flush_unique
from taproot_records.mapping import Values
from taproot_records.writing import load
from taproot_storage.database import UnitOfWork
from taproot_storage.visibility import unscoped

_o = CustomObject.__table__.c


async def create_object_type(chosen: str, values: Values, work: UnitOfWork) -> ObjectType:
    return await create_record(ObjectType, chosen, values, work)


async def update_object_type(key: str, etag: str, values: Values, work: UnitOfWork) -> ObjectType:
    kind = await load(work, ObjectType, key, etag)
    before = set(kind.states), kind.customer_relation
    kind.change(values, work.clock.now())
    await flush_unique(work)
    gone = before[0] - set(kind.states)
    if gone:
        await _require_none(work, kind, _o.state.in_(sorted(gone)), "are in a state that would be gone")
    if kind.customer_relation == REQUIRED != before[1]:
        await _require_none(work, kind, _o.customer_id.is_(None), "have no customer")
    return kind


async def _require_none(work: UnitOfWork, kind: ObjectType, which: ColumnElement[bool], why: str) -> None:
    reason = unscoped(CustomObject, "a type is about the objects of all branches")
    statement = select(func.count()).where(_o.type == kind.key, _o.delete_time.is_(None), which, reason)
    if count := await work.fetch_value(statement):
        raise RecordsInTheWay(kind.resource_type, count, why)


async def retire_object_type(key: str, etag: str, work: UnitOfWork) -> ObjectType:
    kind = await load(work, ObjectType, key, etag)
    kind.retire(work.clock.now())
    return kind


async def restore_object_type(key: str, etag: str, work: UnitOfWork) -> ObjectType:
    kind = await load(work, ObjectType, key, etag)
    kind.restore(work.clock.now())
    return kind
