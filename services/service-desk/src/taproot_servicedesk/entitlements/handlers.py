"""Use cases of entitlements, reactions to deliveries and returns, and what happens by the calendar."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_records.mapping import Values
from taproot_records.writing import load, moved, new_key, patched, placed
from taproot_servicedesk.customer_refs.queries import check_customer, find_customer
from taproot_servicedesk.entitlements import queries
from taproot_servicedesk.entitlements.coverage import Claim, Coverage, Reason, check_coverage
from taproot_servicedesk.entitlements.model import Entitlement, EntitlementExists
from taproot_storage.database import Database, Reader, UnitOfWork

BATCH = 200
KINDS = {"licence": "license", "license": "license", "warranty": "warranty", "service": "service_contract"}


async def create_entitlement(chosen: str, values: Values, default_zone: str, work: UnitOfWork) -> Entitlement:
    customer_id = values.get("customer_id")
    if customer_id is None:
        raise InvalidArgument([("entitlement.customer_id", "is required")])
    await check_customer(customer_id, "entitlement.customer_id", work)
    line, fulfilment = values.get("order_line_id"), values.get("fulfilment_id")
    if line and fulfilment and await queries.exists_for(work, line, fulfilment):
        raise EntitlementExists
    placed_values = await placed(work, "entitlements", values)
    placed_values.setdefault("start_date", await _today(customer_id, default_zone, work))
    entitlement = Entitlement(id=await new_key(work, Entitlement, chosen), **placed_values)
    entitlement.create(work.clock.now())
    await work.add(entitlement)
    return entitlement


async def update_entitlement(
    key: uuid.UUID, etag: str, values: Values, default_zone: str, work: UnitOfWork
) -> Entitlement:
    entitlement = await load(work, Entitlement, key, etag)
    changed = patched(entitlement, await moved(work, "entitlements", entitlement, values))
    today = await _today(entitlement.customer_id, default_zone, work)
    entitlement.change(changed, today, work.clock.now())
    return entitlement


async def _today(customer_id: uuid.UUID, default_zone: str, work: UnitOfWork) -> date:
    customer = await find_customer(work, customer_id)
    assert customer is not None
    return customer.today(work.clock.now(), default_zone)


async def revoke_entitlement(key: uuid.UUID, etag: str, reason: str, work: UnitOfWork) -> Entitlement:
    entitlement = await load(work, Entitlement, key, etag)
    entitlement.revoke(reason, work.clock.now())
    return entitlement


# Coverage of a ticket.


async def coverage_of(
    customer_id: uuid.UUID | None, claim: Claim, default_zone: str, reader: Reader
) -> Coverage:
    customer = await find_customer(reader, customer_id)
    if customer is None:
        return Coverage(Reason.NO_CUSTOMER)
    rights = await queries.rights_of(reader, customer.members)
    return check_coverage(rights, claim, customer.today(reader.clock.now(), default_zone))


# Deliveries and returns.


@dataclass(frozen=True)
class DeliveredLine:
    line_id: uuid.UUID
    product_id: uuid.UUID | None
    product_code: str
    product_kind: str
    display_name: str
    months: int
    quantity: Decimal

    @property
    def kind(self) -> str:
        """What it entitles to; empty when to nothing. Goods with months come with a warranty."""
        return KINDS.get(self.product_kind.lower()) or ("warranty" if self.months else "")


@dataclass(frozen=True)
class Delivery:
    """A delivery or a return."""

    fulfilment_id: uuid.UUID
    order_id: uuid.UUID
    customer_id: uuid.UUID
    day: date
    lines: Sequence[DeliveredLine]
    owner_id: uuid.UUID | None = None
    branch_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None


async def grant_entitlements(delivery: Delivery, work: UnitOfWork) -> None:
    """One per licence, warranty or service line of a delivery; the delivery's line is the business key."""
    for line in delivery.lines:
        if line.kind and not await queries.exists_for(work, line.line_id, delivery.fulfilment_id):
            entitlement = _granted(delivery, line)
            entitlement.create(work.clock.now())
            await work.add(entitlement)


def _granted(delivery: Delivery, line: DeliveredLine) -> Entitlement:
    branch = current_call().directory.branches.get(str(delivery.branch_id))
    return Entitlement(
        id=new_id(),
        kind=line.kind,
        display_name=line.display_name,
        customer_id=delivery.customer_id,
        product_id=line.product_id,
        product_code=line.product_code,
        quantity=line.quantity,
        start_date=delivery.day,
        end_date=last_day(delivery.day, line.months),
        order_id=delivery.order_id,
        order_line_id=line.line_id,
        fulfilment_id=delivery.fulfilment_id,
        owner_id=delivery.owner_id,
        branch_id=delivery.branch_id,
        branch_path=branch.path if branch else "",
        team_id=delivery.team_id,
    )


def last_day(start: date, months: int) -> date | None:
    """The day before the same day `months` later; a day that month does not have counts as its last."""
    if not months:
        return None
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    following = date(year, month + 1, 1) + timedelta(days=31)
    length = (following.replace(day=1) - timedelta(days=1)).day
    return date(year, month + 1, min(start.day, length)) - timedelta(days=1)


async def take_back_entitlements(delivery: Delivery, work: UnitOfWork) -> None:
    """Goods came back: the latest deliveries of each line lose their entitlement first."""
    for line in delivery.lines:
        left = line.quantity
        for entitlement in await work.scalars(queries.of_line(line.line_id)):
            if left > 0:
                left = entitlement.take_back(left, delivery.day, "goods returned", work.clock.now())


# By the calendar.


async def announce_ends(default_zone: str, database: Database) -> int:
    """Job: `entitlement.expiring` 30 days before the end, once per end date."""
    return await _sweep(
        database, functools.partial(queries.expiring, default_zone=default_zone), "announce_end"
    )


async def expire_ended(default_zone: str, database: Database) -> int:
    """Job: `entitlement.expired` when the last day is over."""
    return await _sweep(database, functools.partial(queries.expired, default_zone=default_zone), "expire")


async def _sweep(database: Database, due: Callable[..., Any], verb: str) -> int:
    async with database.unit() as work:
        now: datetime = work.clock.now()
        found = await work.scalars(due(now, limit=BATCH))
        for entitlement in found:
            getattr(entitlement, verb)(now)
        return len(found)
