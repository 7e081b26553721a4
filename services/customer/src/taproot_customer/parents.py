"""The customer a record hangs on: found if the caller sees it, with what the record takes over from it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from taproot_base.errors import NotFound
from taproot_customer.customers.model import Customer
from taproot_storage.database import Reader
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

_c = Customer.__table__.c


@dataclass(frozen=True)
class Parent:
    id: uuid.UUID
    owner_id: uuid.UUID | None
    branch_id: uuid.UUID | None
    branch_path: str
    display_name: str
    language_code: str


_root = select(redirects.c.root_id).where(redirects.c.member_id == bindparam("customer_id")).scalar_subquery()
_find = Statement(
    lambda: select(_c.id, _c.owner_id, _c.branch_id, _c.branch_path, _c.display_name, _c.language_code).where(
        _c.id == func.coalesce(_root, bindparam("customer_id")), _c.delete_time.is_(None), visible(Customer)
    )
)
_members = Statement(
    lambda: select(redirects.c.member_id).where(
        redirects.c.root_id == func.coalesce(_root, bindparam("customer_id"))
    )
)


async def find_parent(reader: Reader, customer_id: uuid.UUID) -> Parent:
    """The living customer, or the survivor of a merged one. Raises NotFound."""
    row = await reader.fetch_row(_find, customer_id=customer_id)
    if row is None:
        raise NotFound("customer", customer_id)
    return Parent(*row)


async def members_of(reader: Reader, root_id: uuid.UUID) -> list[uuid.UUID]:
    """A customer and all records merged into it."""
    rows = await reader.fetch(_members, customer_id=root_id)
    return [root_id, *(row["member_id"] for row in rows)]
