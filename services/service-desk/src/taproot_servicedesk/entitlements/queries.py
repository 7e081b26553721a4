"""Reads of entitlements."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Date, Select, Text, Uuid, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.servicedesk.v1 import entitlement_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_servicedesk.customer_refs.model import CustomerRef
from taproot_servicedesk.entitlements.coverage import Right
from taproot_servicedesk.entitlements.model import ACTIVE, REVOKED, Entitlement
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

NOTICE_DAYS = 30
RESOURCE = resource_of(
    "entitlement",
    Entitlement,
    pb.Entitlement,
    "id display_name kind state customer_id product_id product_code device_serial quantity start_date end_date "
    "covered_kinds order_id order_line_id fulfilment_id owner_id branch_id team_id create_time update_time custom",
    references=("customer_id",),
)
SHELF = Shelf(RESOURCE, Entitlement, pb.Entitlement)
_c = Entitlement.__table__.c
_r = CustomerRef.__table__.c
_rights = Statement(
    lambda: select(
        _c.id,
        _c.start_date,
        _c.end_date,
        (_c.state == REVOKED).label("revoked"),
        _c.product_id,
        _c.product_code,
        _c.device_serial,
        _c.covered_kinds,
    ).where(
        _c.customer_id == func.any(bindparam("customers", type_=ARRAY(Uuid()))),
        unscoped(Entitlement, "an entitlement counts whichever branch sold it"),
    )
)
_existing = Statement(
    lambda: select(_c.id).where(
        _c.order_line_id == bindparam("order_line_id"),
        _c.fulfilment_id == bindparam("fulfilment_id"),
        unscoped(Entitlement, "one entitlement per delivery in the enterprise"),
    )
)


async def rights_of(reader: Reader, customers: Sequence[uuid.UUID]) -> list[Right]:
    rows = await reader.fetch(_rights, customers=list(customers))
    return [Right(**dict(row) | {"covered_kinds": frozenset(row["covered_kinds"])}) for row in rows]


async def exists_for(reader: Reader, order_line_id: uuid.UUID, fulfilment_id: uuid.UUID) -> bool:
    found = await reader.fetch_value(_existing, order_line_id=order_line_id, fulfilment_id=fulfilment_id)
    return found is not None


def of_line(order_line_id: uuid.UUID) -> Select[Any]:
    """Entitlements of an order line, last delivery first, locked."""
    return (
        select(Entitlement)
        .where(
            Entitlement.order_line_id == order_line_id,
            unscoped(Entitlement, "goods come back whichever branch sold them"),
        )
        .order_by(Entitlement.create_time.desc(), Entitlement.id.desc())
        .with_for_update(of=Entitlement.__table__)
    )


def _today(now: datetime, default_zone: str) -> Any:
    """The day in the customer's time zone."""
    zone = func.coalesce(func.nullif(_r.time_zone, ""), cast(default_zone, Text))
    return cast(func.timezone(zone, now), Date)


def _active(now: datetime, default_zone: str, limit: int) -> tuple[Select[Any], Any]:
    known = unscoped(CustomerRef, "time zone of the customer")
    statement = (
        select(Entitlement)
        .outerjoin(CustomerRef, (CustomerRef.id == Entitlement.customer_id) & known)
        .where(Entitlement.state == ACTIVE, unscoped(Entitlement, "ends come in every branch"))
        .order_by(Entitlement.end_date, Entitlement.id)
        .limit(limit)
        .with_for_update(of=Entitlement.__table__, skip_locked=True)
    )
    return statement, _today(now, default_zone)


def expiring(now: datetime, default_zone: str, limit: int) -> Select[Any]:
    """Ends within 30 days not yet announced for that end date."""
    statement, today = _active(now, default_zone, limit)
    return statement.where(
        Entitlement.end_date <= today + NOTICE_DAYS,
        Entitlement.end_date >= today,
        Entitlement.expiring_for.is_distinct_from(Entitlement.end_date),
    )


def expired(now: datetime, default_zone: str, limit: int) -> Select[Any]:
    """Last day over."""
    statement, today = _active(now, default_zone, limit)
    return statement.where(Entitlement.end_date < today)
