"""What this service knows of a customer."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Uuid, bindparam, select

from taproot_base.context import current_call
from taproot_base.errors import NotFound
from taproot_marketing.customer_refs.model import CUSTOMERS, CustomerRef
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.redirects import root_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_root = root_of(bindparam("customer", type_=Uuid()))
_see = Statement(lambda: select(CustomerRef.__table__).where(CustomerRef.id == _root, visible(CustomerRef)))

_hold = Statement(
    lambda: (
        select(CustomerRef.__table__)
        .where(
            CustomerRef.id == bindparam("customer"),
            unscoped(CustomerRef, "records follow their customer's row"),
        )
        .with_for_update(read=True)
    )
)

PLACEHOLDERS = {
    "display_name": "personal",
    "given_name": "personal",
    "family_name": "personal",
    "email": "contact",
    "phone": "contact",
    "kind": "",
    "status": "",
    "value_class": "",
    "industry": "",
    "region": "",
    "language_code": "",
    "time_zone": "",
    "custom": "",
}
"""Field -> class by which a role may hide it."""


async def find_customer(reader: Reader, customer_id: uuid.UUID) -> Any:
    """Row of the customer, of its survivor when it was merged; None when not known (yet)."""
    return await CUSTOMERS.find(reader, customer_id)


async def hold_customer(work: UnitOfWork, customer_id: uuid.UUID) -> Any:
    """The customer's row, held until the commit; None when not known (yet).

    Whoever opens a record that follows the customer's name and owner takes it: a change of the customer
    meanwhile would not see the new record, and leave it as it was opened.
    """
    return await work.fetch_row(_hold, customer=customer_id)


async def root_customer(reader: Reader, customer_id: uuid.UUID) -> uuid.UUID:
    """The customer's own id, or that of its survivor."""
    return (await CUSTOMERS.keys(reader, customer_id))[0]


async def see_customer(reader: Reader, customer_id: uuid.UUID | str) -> Any:
    """Row of a customer the caller reaches. Raises NotFound."""
    row = await reader.fetch_row(_see, customer=uuid.UUID(str(customer_id)))
    if row is None:
        raise NotFound("customer", customer_id)
    return row


def placeholders(row: Any) -> dict[str, Any]:
    """`customer.<field>` of templates; what is hidden from the caller is left out."""
    if row is None:
        return {}
    masked = current_call().masked
    return {name: row[name] for name, kind in PLACEHOLDERS.items() if row[name] and kind not in masked}
