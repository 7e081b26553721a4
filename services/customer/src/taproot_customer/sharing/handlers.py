"""Use cases of shares: opening customers to others, taking that back, ending what ran out."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, NotFound, PermissionDenied, WrongState
from taproot_base.ids import new_id
from taproot_chassis.identities import find_user
from taproot_chassis.placement import still_sees
from taproot_customer.customers.handlers import load
from taproot_customer.customers.model import Customer, customer_access
from taproot_customer.sharing import queries
from taproot_customer.sharing.model import (
    ACTIVE,
    ENDED,
    EXPIRED,
    MOST_SHARES,
    REPLACED,
    WRITE,
    TooManyShares,
)
from taproot_records.checks import Checks
from taproot_records.shares import Shares
from taproot_storage.database import Database, UnitOfWork

BATCH = 50
_TOLD = ("id", "customer_id", "user_id", "team_id", "branch_id", "level", "expire_time")
_access = Shares(customer_access)


@dataclass(frozen=True)
class ShareCustomer:
    """One of user, team and branch."""

    id: uuid.UUID
    etag: str
    user_id: uuid.UUID | None
    team_id: uuid.UUID | None
    branch_id: uuid.UUID | None
    level: str
    expire_time: datetime | None
    reason: str

    @property
    def holder(self) -> tuple[uuid.UUID | None, ...]:
        return (self.user_id, self.team_id, self.branch_id)


@dataclass(frozen=True)
class UnshareCustomer:
    id: uuid.UUID
    share_id: uuid.UUID
    etag: str
    reason: str


async def share_customer(command: ShareCustomer, work: UnitOfWork) -> Any:
    """Row of the share."""
    customer = await load(work, command.id, command.etag)
    await _check(command, work)
    if command.level == WRITE and not still_sees(customer, "customers.update"):
        raise PermissionDenied("you may not let others change what you cannot", permission="customers.update")
    active, now = await queries.active_shares(work, customer.id), work.clock.now()
    for share in active:
        if (share["user_id"], share["team_id"], share["branch_id"]) == command.holder:
            await queries.end_share(work, share["id"], REPLACED, now, _actor(), "")
    row = _new(command, now)
    await queries.add_share(work, row)
    customer.share(await _index(customer.id, work), row, now)
    if len(customer.shares) > MOST_SHARES:
        raise TooManyShares(f"a customer is shared {MOST_SHARES} times at most", most=str(MOST_SHARES))
    return row


async def _check(command: ShareCustomer, work: UnitOfWork) -> None:
    checks = Checks()
    with checks:
        if command.expire_time is not None and command.expire_time <= work.clock.now():
            raise InvalidArgument([("expire_time", "has passed")])
    with checks:
        if command.user_id is not None and await find_user(work, command.user_id) is None:
            raise InvalidArgument([("user_id", "is not an active user")])
    with checks:
        if command.team_id is not None and not await queries.is_team(work, command.team_id):
            raise InvalidArgument([("team_id", "is not a team with members")])
    with checks:
        known = current_call().directory.branches
        if command.branch_id is not None and str(command.branch_id) not in known:
            raise InvalidArgument([("branch_id", "is not a branch")])
    checks.done()


def _new(command: ShareCustomer, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "customer_id": command.id,
        "user_id": command.user_id,
        "team_id": command.team_id,
        "branch_id": command.branch_id,
        "level": command.level,
        "expire_time": command.expire_time,
        "reason": command.reason,
        "state": ACTIVE,
        "creator_id": _actor(),
        "create_time": now,
        "end_time": None,
        "ender_id": "",
        "end_reason": "",
    }


async def unshare_customer(command: UnshareCustomer, work: UnitOfWork) -> Any:
    """Row of the share as it ended."""
    customer = await load(work, command.id, command.etag)
    if customer.merged_into is not None:
        raise WrongState("the customer", customer.state, ["alive", "deleted"])
    active = {share["id"] for share in await queries.active_shares(work, customer.id)}
    if command.share_id not in active:
        raise NotFound("customer_share", command.share_id)
    return await _end(customer, command.share_id, ENDED, command.reason, work)


async def expire_due(database: Database) -> int:
    """Job: shares whose time ran out end, and everybody who follows the customer hears of it."""
    async with database.unit() as work:
        now = work.clock.now()
        customers: list[Customer] = await work.scalars(queries.due(now, BATCH))
        for customer in customers:
            for share in await queries.active_shares(work, customer.id):
                if share["expire_time"] is not None and share["expire_time"] <= now:
                    await _end(customer, share["id"], EXPIRED, "", work)
    return len(customers)


async def _end(customer: Customer, share_id: uuid.UUID, state: str, reason: str, work: UnitOfWork) -> Any:
    now = work.clock.now()
    ended = dict(await queries.end_share(work, share_id, state, now, _actor(), reason))
    customer.unshare(await _index(customer.id, work), ended, now)
    return ended


async def follow_members(customer: Customer, merged: Sequence[Customer], work: UnitOfWork) -> None:
    """After members came or went: the shares of all of them are those of the customer. For its next event."""
    for member in merged:
        member.shares = []
        await _access.put(work, member.id, [])
    customer.shares = await _index(customer.id, work)


async def _index(customer_id: uuid.UUID, work: UnitOfWork) -> list[dict[str, Any]]:
    """Let in whom the shares name, and nobody else. The shares as they are kept with the customer."""
    active = await queries.active_shares(work, customer_id)
    branches = current_call().directory.branches
    rows = [_row(share, branches) for share in active]
    await _access.put(work, customer_id, rows)
    return [{name: _plain(share[name]) for name in _TOLD if share[name] is not None} for share in active]


def _row(share: Any, branches: Any) -> dict[str, Any]:
    branch = branches.get(str(share["branch_id"]))
    return {
        "id": share["id"],
        "branch_path": branch.path if branch else None,
        "owner_id": share["user_id"],
        "team_id": share["team_id"],
        "level": share["level"],
        "expire_time": share["expire_time"],
    }


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _actor() -> str:
    return current_call().principal.subject
