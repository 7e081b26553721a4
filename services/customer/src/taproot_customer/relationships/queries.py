"""Reads of relationships."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, select

from taproot.customer.v1 import relationship_pb2 as pb
from taproot_customer.relationships.model import Relationship
from taproot_records.reading import Shelf, resource_of
from taproot_storage.visibility import unscoped

_c = Relationship.__table__.c

RESOURCE = resource_of(
    "relationship",
    Relationship,
    pb.Relationship,
    "id customer_id related_customer_id kind label start_date end_date owner_id branch_id create_time update_time custom",
    "create_time desc",
    ("customer_id", "related_customer_id"),
)
SHELF = Shelf(RESOURCE, Relationship, pb.Relationship)


def same_link(first: uuid.UUID, second: uuid.UUID, kind: str, label: str) -> Select[Any]:
    return select(_c.id).where(
        _c.customer_id == first,
        _c.related_customer_id == second,
        _c.kind == kind,
        _c.label == label,
        unscoped(Relationship, "a link exists once, whoever sees it"),
    )
