"""Reads of contacts."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, select

from taproot.customer.v1 import contact_pb2 as pb
from taproot_base.text import query_tokens
from taproot_customer.contacts.model import Contact
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.visibility import unscoped

_c = Contact.__table__.c

RESOURCE = Resource(
    "contact",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("customer_id", _c.customer_id, FieldType.ID, sortable=False),
        Field(
            "display_name",
            _c.display_name,
            FieldType.TEXT,
            sensitive_class="personal",
            sort_column=_c.sort_key,
        ),
        Field(
            "search",
            _c.search_tokens,
            FieldType.TEXT,
            repeated=True,
            sensitive_class="personal",
            terms=query_tokens,
        ),
        Field("job_title", _c.job_title, FieldType.TEXT),
        Field("department", _c.department, FieldType.TEXT),
        Field("role", _c.role, FieldType.ENUM, enum=pb.ContactRole),
        Field("decision_maker", _c.decision_maker, FieldType.BOOLEAN),
        Field("primary", _c.primary, FieldType.BOOLEAN),
        Field("birth_date", _c.birth_date, FieldType.DATE, sensitive_class="personal"),
        Field("language_code", _c.language_code, FieldType.TEXT),
        Field("owner_id", _c.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="create_time desc",
    id_column=_c.id,
)


def of_customer(customer_id: uuid.UUID) -> Select[Any]:
    """All contacts of one customer, locked: to keep one of them the primary one."""
    return (
        select(Contact)
        .where(
            Contact.customer_id == customer_id,
            Contact.delete_time.is_(None),
            unscoped(Contact, "one primary contact per customer, whoever sees which"),
        )
        .with_for_update()
    )
