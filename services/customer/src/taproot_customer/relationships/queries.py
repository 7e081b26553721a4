"""Reads of relationships."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, delete, select

from taproot.customer.v1 import relationship_pb2 as pb
from taproot_customer.relationships.model import Relationship
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.visibility import unscoped, visible

_c = Relationship.__table__.c

RESOURCE = Resource(
    "relationship",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("customer_id", _c.customer_id, FieldType.ID, sortable=False),
        Field("related_customer_id", _c.related_customer_id, FieldType.ID, sortable=False),
        Field("kind", _c.kind, FieldType.ENUM, enum=pb.RelationshipKind),
        Field("label", _c.label, FieldType.TEXT),
        Field("start_date", _c.start_date, FieldType.DATE),
        Field("end_date", _c.end_date, FieldType.DATE),
        Field("owner_id", _c.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="create_time desc",
    id_column=_c.id,
)


def same_link(first: uuid.UUID, second: uuid.UUID, kind: str, label: str) -> Select[Any]:
    return select(_c.id).where(
        _c.customer_id == first,
        _c.related_customer_id == second,
        _c.kind == kind,
        _c.label == label,
        unscoped(Relationship, "a link exists once, whoever sees it"),
    )


def remove(key: uuid.UUID) -> Any:
    return delete(Relationship).where(_c.id == key, visible(Relationship))
