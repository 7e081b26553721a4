"""Reads of erasures and of what they and the archives are about."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import func, select

from taproot.customer.v1 import privacy_pb2 as pb
from taproot_base.errors import NotFound
from taproot_customer.customers.model import Customer
from taproot_customer.privacy.model import RUNNING, Erasure
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader
from taproot_storage.schema import operations
from taproot_storage.visibility import unscoped, visible

_t, _c = Erasure.__table__.c, Customer.__table__.c

RESOURCE = Resource(
    "erasure",
    [
        Field("id", _t.id, FieldType.ID, sortable=False),
        Field("customer_id", _t.customer_id, FieldType.ID, sortable=False),
        Field("state", _t.state, FieldType.ENUM, enum=pb.ErasureState),
        Field("forced", _t.forced, FieldType.BOOLEAN, sortable=False),
        Field("owner_id", _t.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _t.branch_id, FieldType.ID, sortable=False),
        Field("create_time", _t.create_time, FieldType.INSTANT),
        Field("update_time", _t.update_time, FieldType.INSTANT),
        Field("end_time", _t.end_time, FieldType.INSTANT),
    ],
    default_order="create_time desc",
    id_column=_t.id,
)


async def survivor(reader: Reader, key: uuid.UUID) -> Any:
    """The record that answers for a customer the caller reaches, deleted or not. Raises NotFound."""
    wanted = select(_c.id, _c.merged_into, _c.branch_id, _c.branch_path)
    row = await reader.fetch_row(wanted.where(_c.id == key, visible(Customer)))
    if row is None:
        raise NotFound("customer", key)
    return row if row["merged_into"] is None else await survivor(reader, row["merged_into"])


def for_run(key: uuid.UUID) -> Any:
    why = "the operation erases for whoever asked"
    return select(Erasure).where(Erasure.id == key, unscoped(Erasure, why)).with_for_update()


async def running(reader: Reader, customer: uuid.UUID) -> bool:
    why = "one erasure of a person at a time, whoever asked"
    wanted = select(func.count()).select_from(Erasure.__table__)
    mine = (_t.customer_id == customer, _t.state == RUNNING, unscoped(Erasure, why))
    return bool(await reader.fetch_value(wanted.where(*mine)))


async def abandoned(reader: Reader) -> list[Any]:
    """Erasures whose operation has ended before them."""
    at_work = select(operations.c.id).where(operations.c.state.in_(("pending", "running")))
    wanted = select(_t.id).where(
        _t.state == RUNNING, _t.operation_id.not_in(at_work), unscoped(Erasure, "a promise to be kept")
    )
    return [row["id"] for row in await reader.fetch(wanted)]
