"""The customer a record hangs on: found if the caller sees it, with what the record takes over from it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Uuid, bindparam, select

from taproot_base.errors import NotFound
from taproot_customer.customers.model import Customer
from taproot_records.mapping import Values
from taproot_storage.database import Reader
from taproot_storage.redirects import keys_of, root_of
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
    kind: str

    @property
    def held(self) -> Values:
        """What a record that lies where its customer lies takes over."""
        return {"customer_id": self.id, "branch_id": self.branch_id, "branch_path": self.branch_path}


_asked = bindparam("customer_id", type_=Uuid())
_find = Statement(
    lambda: select(
        _c.id, _c.owner_id, _c.branch_id, _c.branch_path, _c.display_name, _c.language_code, _c.kind
    ).where(_c.id == root_of(_asked), _c.delete_time.is_(None), visible(Customer))
)
_keys = Statement(lambda: select(keys_of(_asked)))


async def find_parent(reader: Reader, customer_id: uuid.UUID) -> Parent:
    """The living customer, or the survivor of a merged one. Raises NotFound."""
    row = await reader.fetch_row(_find, customer_id=customer_id)
    if row is None:
        raise NotFound("customer", customer_id)
    return Parent(*row)


async def members_of(reader: Reader, customer_id: uuid.UUID) -> list[uuid.UUID]:
    """A customer and all records that were merged with it, the survivor first."""
    found: list[uuid.UUID] = await reader.fetch_value(_keys, customer_id=customer_id)
    return found
