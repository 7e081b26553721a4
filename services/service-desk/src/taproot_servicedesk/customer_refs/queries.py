"""What is known of customers. A merged customer answers with its survivor; its members count as one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from taproot_base.errors import InvalidArgument
from taproot_records.admission import Admission
from taproot_servicedesk.customer_refs.model import CUSTOMERS, CustomerRef
from taproot_storage.database import Reader
from taproot_storage.redirects import root_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

ADMISSION = Admission(CUSTOMERS, "customers.read")
ANY_BRANCH = unscoped(CustomerRef, "a case may be about a customer of any branch")
_c = CustomerRef.__table__.c


@dataclass(frozen=True)
class KnownCustomer:
    """`members` are the customer itself and those merged into it."""

    id: uuid.UUID
    members: tuple[uuid.UUID, ...]
    value_class: str = ""
    region: str = ""
    time_zone: str = ""
    branch_id: uuid.UUID | None = None
    branch_path: str = ""
    display_name: str = ""
    email: str = ""
    language_code: str = ""

    def today(self, now: datetime, default_zone: str) -> date:
        return now.astimezone(ZoneInfo(self.time_zone or default_zone)).date()


_KNOWN = (
    "value_class",
    "region",
    "time_zone",
    "branch_id",
    "branch_path",
    "display_name",
    "email",
    "language_code",
)
_by_phone = Statement(
    lambda: (
        select(root_of(_c.id).label("root_id"))
        .where(
            _c.phones.contains(bindparam("phones", type_=_c.phones.type)), _c.deleted.is_(False), ANY_BRANCH
        )
        .distinct()
        .limit(2)
    )
)


async def find_customer(reader: Reader, customer_id: uuid.UUID | None) -> KnownCustomer | None:
    """None for no customer. One not heard of yet is known by its id only: a case is never refused for that."""
    if customer_id is None:
        return None
    row = await CUSTOMERS.find(reader, customer_id)
    if row is None:
        return KnownCustomer(customer_id, (customer_id,))
    members = await CUSTOMERS.keys(reader, row["id"])
    return KnownCustomer(row["id"], tuple(members), *(row[name] for name in _KNOWN))


async def check_customer(customer_id: uuid.UUID | None, path: str, reader: Reader) -> None:
    """Raises InvalidArgument when the caller may not refer to the customer. One not heard of yet is no obstacle."""
    if customer_id is not None and await ADMISSION.hides(customer_id, reader):
        raise InvalidArgument([(path, "does not exist or is not visible to you")])


async def only_customer_of(reader: Reader, phone: str) -> uuid.UUID | None:
    """The customer known by a number, if there is just one."""
    found = await reader.fetch(_by_phone, phones=[phone])
    return found[0]["root_id"] if len(found) == 1 else None
