"""Reads of contacts."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, select

from taproot.customer.v1 import contact_pb2 as pb
from taproot_customer.contacts.model import Contact
from taproot_customer.searching import named_fields
from taproot_records.reading import Shelf, resource_of
from taproot_storage.visibility import unscoped

_c = Contact.__table__.c

RESOURCE = resource_of(
    "contact",
    Contact,
    pb.Contact,
    "id customer_id job_title department role decision_maker primary birth_date language_code owner_id branch_id "
    "create_time update_time custom",
    "create_time desc",
    ("customer_id",),
).with_fields(*named_fields(_c))
SHELF = Shelf(RESOURCE, Contact, pb.Contact, where=_c.delete_time.is_(None))


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
