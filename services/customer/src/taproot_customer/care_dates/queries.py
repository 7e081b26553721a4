"""Reads of care dates, and what the job that raises them asks for."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, Uuid, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, insert

from taproot.customer.v1 import care_date_pb2 as pb
from taproot_customer.care_dates.model import ACTIVE, CareDate, care_date_notices
from taproot_customer.care_dates.schedule import Notice, zone_of
from taproot_customer.contacts.model import Contact
from taproot_customer.customers.model import Customer
from taproot_customer.references import reference
from taproot_records.conversions import Conversions
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.redirects import keys_of, root_of
from taproot_storage.schema import identity_branches
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c, _customer, _branch = CareDate.__table__.c, Customer.__table__.c, identity_branches.c
_WORKER = "care dates are told of whoever sees them"

CONVERSIONS = Conversions(reference("care_date"))
RESOURCE = resource_of(
    "care_date",
    CareDate,
    pb.CareDate,
    "id customer_id contact_id kind display_name date recurrence source state next_notice_date owner_id branch_id "
    "create_time update_time custom",
    "create_time desc",
    ("customer_id",),
)
SHELF = Shelf(RESOURCE, CareDate, pb.CareDate, CONVERSIONS.fill, _c.delete_time.is_(None))

_zones = Statement(
    lambda: (
        select(_customer.time_zone, _branch.time_zone)
        .outerjoin_from(Customer.__table__, identity_branches, _branch.id == _customer.branch_id)
        .where(
            _customer.id == root_of(bindparam("customer", type_=Uuid())),
            unscoped(Customer, "whose record may be changed has a time zone"),
        )
    )
)
_home = Statement(
    lambda: select(_customer.owner_id, _customer.branch_id, _customer.branch_path).where(
        _customer.id == root_of(bindparam("customer", type_=Uuid())),
        unscoped(Customer, "what is derived lies where its customer lies"),
    )
)
_stored = Statement(
    lambda: select(_c.id).where(
        _c.id == func.any(bindparam("ids", type_=ARRAY(Uuid()))),
        unscoped(CareDate, "it follows what it comes from"),
    )
)
_candidates = Statement(
    lambda: (
        select(_c.id, _c.next_notice_date, _customer.time_zone, _branch.time_zone)
        .join_from(CareDate.__table__, Customer.__table__, _customer.id == root_of(_c.customer_id))
        .outerjoin(identity_branches, _branch.id == _customer.branch_id)
        .where(
            _c.state == ACTIVE,
            _c.delete_time.is_(None),
            _c.next_notice_date <= bindparam("latest"),
            tuple_(_c.next_notice_date, _c.id) > tuple_(bindparam("day"), bindparam("key", type_=Uuid())),
            _customer.delete_time.is_(None),
            unscoped(CareDate, _WORKER),
            unscoped(Customer, _WORKER),
        )
        .order_by(_c.next_notice_date, _c.id)
        .limit(bindparam("size"))
    )
)
_contact = Statement(
    lambda: select(func.count()).where(
        Contact.__table__.c.id == bindparam("contact"),
        Contact.__table__.c.customer_id == func.any(keys_of(bindparam("customer", type_=Uuid()))),
        Contact.__table__.c.delete_time.is_(None),
        visible(Contact),
    )
)
_mark = Statement(
    lambda: (
        insert(care_date_notices)
        .values({column.name: bindparam(column.name) for column in care_date_notices.c})
        .on_conflict_do_nothing()
    )
)


async def zone(reader: Reader, customer_id: uuid.UUID, default: str) -> ZoneInfo:
    """The customer's, else its branch's, else the enterprise's."""
    row = await reader.fetch_row(_zones, customer=customer_id)
    return zone_of(*(row or ()), default)


async def stored(reader: Reader, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the ids that are care dates."""
    return {row[0] for row in await reader.fetch(_stored, ids=list(ids))} if ids else set()


async def home(reader: Reader, customer_id: uuid.UUID) -> dict[str, Any] | None:
    """Owner and branch of the customer, in the recycle bin or not; None for one that was erased."""
    row = await reader.fetch_row(_home, customer=customer_id)
    return None if row is None else dict(row)


async def candidates(
    reader: Reader, latest: dt.date, after: tuple[dt.date, uuid.UUID], size: int
) -> Sequence[Any]:
    """A page of (id, day, zone of the customer, zone of the branch) whose day has come somewhere on earth."""
    found: Sequence[Any] = await reader.fetch(
        _candidates, latest=latest, day=after[0], key=after[1], size=size
    )
    return found


def to_raise(keys: Sequence[uuid.UUID]) -> Select[Any]:
    """Locked, but for those another replica is at work on."""
    return (
        select(CareDate)
        .where(
            _c.id == func.any(bindparam("keys", list(keys), type_=ARRAY(Uuid))),
            _c.state == ACTIVE,
            _c.delete_time.is_(None),
            unscoped(CareDate, _WORKER),
        )
        .order_by(_c.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


async def mark(work: UnitOfWork, found: CareDate, notice: Notice, raised: dt.datetime | None) -> bool:
    """Note a notice as dealt with; False when it was before. `raised` is None for one that came too late."""
    values = {
        "care_date_id": found.id,
        "occurrence": notice.occurrence,
        "days_before": notice.days_before,
        "customer_id": found.customer_id,
        "raise_time": raised,
    }
    return await work.execute(_mark, **values) > 0


async def is_contact_of(reader: Reader, contact_id: uuid.UUID, customer_id: uuid.UUID) -> bool:
    return bool(await reader.fetch_value(_contact, contact=contact_id, customer=customer_id))
