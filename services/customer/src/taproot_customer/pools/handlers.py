"""Use cases of pools: rules, claims, and what goes back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from taproot_base.access import Reach
from taproot_base.context import current_call
from taproot_base.errors import NotFound, PermissionDenied
from taproot_chassis.placement import Place, Placer, caller_id, still_sees
from taproot_customer.customers.handlers import load
from taproot_customer.customers.model import Customer
from taproot_customer.pools import queries
from taproot_customer.pools.model import (
    CLAIMED,
    RECALLED,
    RELEASED,
    ClaimQuotaReached,
    CoolingDown,
    CustomerTaken,
    NoPool,
    NotOwner,
    PoolExists,
    PoolRule,
)
from taproot_customer.pools.ownership import hand_over
from taproot_records import writing
from taproot_records.mapping import Values
from taproot_storage.database import Database, UnitOfWork

RECALL_BATCH = 100


async def create_rule(chosen: str, given: Values, work: UnitOfWork) -> PoolRule:
    place = await Placer("pool_rules", work).place(None, given.get("branch_id"))
    if await queries.is_ruled(work, place.branch_path):
        raise PoolExists("the branch has a pool already")
    key = await writing.new_key(work, PoolRule, chosen)
    rule = PoolRule(id=key, version=0, create_time=work.clock.now())
    rule.change(given | {"branch_id": place.branch_id, "branch_path": place.branch_path}, work.clock.now())
    await work.add(rule)
    return rule


async def update_rule(key: str, etag: str, values: Values, work: UnitOfWork) -> PoolRule:
    rule = await writing.load(work, PoolRule, key, etag)
    rule.change(values, work.clock.now())
    return rule


async def delete_rule(key: str, etag: str, work: UnitOfWork) -> PoolRule:
    rule = await writing.load(work, PoolRule, key, etag)
    rule.record("deleted", work.clock.now())
    await writing.discard(work, rule)
    return rule


def pool_reach() -> tuple[str, Reach]:
    """The caller's branch and how far `customers.claim` carries it."""
    call = current_call()
    return call.principal.branch_path or "", call.directory.require(call.principal, "customers.claim")


async def claim_customer(customer_id: uuid.UUID, work: UnitOfWork) -> Customer:
    """The caller holds the lock of its own claims, so that it cannot exceed its quota by haste."""
    me = caller_id()
    if me is None:
        raise PermissionDenied("only users claim customers")
    customer: Customer | None = await work.scalar(queries.for_claim(customer_id))
    home, reach = pool_reach()
    if customer is None or not (customer.branch_path == home or reach.covers_path(customer.branch_path)):
        raise NotFound("customer", customer_id)
    if customer.owner_id is not None:
        raise CustomerTaken("the customer has an owner")
    rule = await _rule_of(customer, work)
    await _check_quota(me, rule, work)
    await _check_cool_down(me, customer, rule, work)
    await hand_over(customer, Place(me, customer.branch_id, customer.branch_path), CLAIMED, work)
    now = work.clock.now()
    claim = {"customer_id": customer.id, "owner_id": me, "rule_id": rule["id"], "warn_time": None}
    await queries.add_claim(work, claim | {"claim_time": now, "touch_time": now})
    return customer


async def _rule_of(customer: Customer, work: UnitOfWork) -> Any:
    rule = await queries.rule_for(work, customer.branch_path)
    if rule is None:
        raise NoPool("the customer's branch has no pool")
    return rule


async def _check_quota(me: uuid.UUID, rule: Any, work: UnitOfWork) -> None:
    quota = rule["claim_quota"]
    if quota and await queries.held_by(work, me, rule["id"]) >= quota:
        raise ClaimQuotaReached(f"you hold {quota} claimed customers already", quota=str(quota))


async def _check_cool_down(me: uuid.UUID, customer: Customer, rule: Any, work: UnitOfWork) -> None:
    lost = await queries.lost_by(work, me, customer.id)
    until = lost and lost + timedelta(days=rule["cool_down_days"])
    if until and until > work.clock.now():
        raise CoolingDown("you had this customer before", until=until.isoformat())


async def release_customer(
    customer_id: uuid.UUID, etag: str, reason: str, work: UnitOfWork
) -> tuple[Customer, bool]:
    """The customer, and whether the caller still sees it."""
    customer = await load(work, customer_id, etag)
    if customer.owner_id is None or customer.owner_id != caller_id():
        raise NotOwner("only its owner gives a customer back")
    await _rule_of(customer, work)
    await hand_over(customer, _pool(customer), RELEASED, work, reason)
    return customer, still_sees(customer, "customers.read")


def _pool(customer: Customer) -> Place:
    return Place(None, customer.branch_id, customer.branch_path)


async def recall_due(database: Database) -> int:
    """Job: claimed customers go back to the pool by their rule."""
    count = 0
    async with database.unit() as work:
        for rule in await work.scalars(queries.recalling()):
            customers: list[Customer] = await work.scalars(queries.due(rule, work.clock.now(), RECALL_BATCH))
            for customer in customers:
                await hand_over(customer, _pool(customer), RECALLED, work, rule.display_name)
            count += len(customers)
    return count


async def warn_due(database: Database) -> int:
    """Job: owners hear, once, that a customer is about to go back."""
    count = 0
    async with database.unit() as work:
        for rule in await work.scalars(queries.recalling()):
            if rule.warn_days:
                count += await _warn(rule, work)
    return count


async def _warn(rule: PoolRule, work: UnitOfWork) -> int:
    now = work.clock.now()
    customers: list[Customer] = await work.scalars(queries.to_warn(rule, now, RECALL_BATCH))
    for customer in customers:
        claim = await queries.read_claim(work, customer.id)
        won = customer.status == "won"
        customer.warn_of_recall(rule.recall_time(claim["claim_time"], claim["touch_time"], won=won), now)
        await queries.mark_warned(work, customer.id, now)
    return len(customers)
