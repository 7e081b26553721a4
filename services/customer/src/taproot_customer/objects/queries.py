"""Reads of objects."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from taproot.customer.v1 import object_pb2 as pb
from taproot_customer.customers.model import Customer
from taproot_customer.objects.model import CustomObject
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.visibility import unscoped, visible

_t = CustomObject.__table__.c
_c = Customer.__table__.c
RESOURCE = resource_of(
    "object",
    CustomObject,
    pb.Object,
    "id display_name search customer_id state owner_id branch_id create_time update_time custom",
)


@lru_cache(maxsize=500)
def shelf(kind: str) -> Shelf[pb.Object]:
    """Of one type: its filters know the fields of that type."""
    resource = replace(RESOURCE, name=f"objects_{kind}")
    rows = select(CustomObject.__table__).where(_t.type == kind)
    return Shelf(resource, CustomObject, pb.Object, live=_t.delete_time.is_(None), rows=rows)


async def missing_references(reader: Reader, wanted: Mapping[str, tuple[str, str]]) -> list[str]:
    """`wanted`: key -> (type, id). The keys whose record is not there or, of a customer, not visible."""
    return [key for key, (kind, found) in wanted.items() if not await _exists(reader, kind, uuid.UUID(found))]


async def _exists(reader: Reader, kind: str, key: uuid.UUID) -> bool:
    if kind == "customer":
        statement: Any = select(_c.id).where(_c.id == key, _c.delete_time.is_(None), visible(Customer))
    else:
        reason = unscoped(CustomObject, "an object refers to objects of all branches")
        of_type = _t.type == kind.removeprefix(CustomObject.custom_prefix)
        statement = select(_t.id).where(_t.id == key, of_type, _t.delete_time.is_(None), reason)
    return await reader.fetch_row(statement) is not None


def checkable(kinds: Iterable[str]) -> list[str]:
    """Types of records whose existence this service can tell."""
    return [kind for kind in kinds if kind == "customer" or kind.startswith(CustomObject.custom_prefix)]
