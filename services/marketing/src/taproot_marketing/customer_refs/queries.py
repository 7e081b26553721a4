"""What this service knows of a customer."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Uuid, bindparam, func, select

from taproot_base.context import current_call
from taproot_base.errors import NotFound
from taproot_marketing.customer_refs.model import CustomerRef
from taproot_storage.database import Reader
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_customer = bindparam("customer", type_=Uuid())
_survivor = select(redirects.c.root_id).where(redirects.c.member_id == _customer).scalar_subquery()
_is_it = CustomerRef.id == func.coalesce(_survivor, _customer)
_find = Statement(
    lambda: select(CustomerRef.__table__).where(
        _is_it, unscoped(CustomerRef, "background work serves customers of every branch")
    )
)
_see = Statement(lambda: select(CustomerRef.__table__).where(_is_it, visible(CustomerRef)))

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
    return await reader.fetch_row(_find, customer=customer_id)


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
