"""Reads of object types."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from taproot.customer.v1 import object_type_pb2 as pb
from taproot_base.errors import NotFound
from taproot_customer.object_types.messages import CONVERSIONS
from taproot_customer.object_types.model import ObjectType
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.statements import Statement

_t = ObjectType.__table__.c
RESOURCE = resource_of(
    "object_type",
    ObjectType,
    pb.ObjectType,
    "id key shared customer_relation state create_time update_time",
    order="key",
)
SHELF = Shelf(RESOURCE, ObjectType, pb.ObjectType, CONVERSIONS.fill)
_by_key = Statement(
    lambda: select(ObjectType.__table__).where(_t.key == bindparam("type_key", type_=_t.key.type))
)


async def exists(reader: Reader, key: str) -> bool:
    return await reader.fetch_row(_by_key, type_key=key) is not None


async def find_type(reader: Reader, key: str) -> ObjectType:
    """Detached: to be asked, not to be changed. Raises NotFound."""
    row = await reader.fetch_row(_by_key, type_key=key)
    if row is None:
        raise NotFound("object type", key)
    return ObjectType(**dict(row))
