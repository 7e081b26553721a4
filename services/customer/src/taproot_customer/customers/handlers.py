"""Use cases of customers: `verb_noun(command, work) -> result`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taproot_base.errors import InvalidArgument, NotFound
from taproot_chassis.placement import Placer, caller_id, still_sees
from taproot_customer.customers import queries
from taproot_customer.customers.access import AccessTokens
from taproot_customer.customers.model import Customer, CustomerExists, Key
from taproot_customer.hierarchies.handlers import checked_parent
from taproot_customer.pools.model import ASSIGNED
from taproot_customer.pools.ownership import hand_over
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag, merge_patch


@dataclass(frozen=True)
class CreateCustomer:
    """`values`: columns of the record. `keys`: its identifiers in matching form."""

    id: uuid.UUID
    values: Mapping[str, Any]
    keys: Sequence[Key]
    owner_id: uuid.UUID | None = None
    branch_id: uuid.UUID | None = None


@dataclass(frozen=True)
class UpdateCustomer:
    id: uuid.UUID
    etag: str
    values: Mapping[str, Any]
    keys: Sequence[Key] | None = None
    """The identifiers after the change; None when they do not change."""


@dataclass(frozen=True)
class AssignCustomer:
    id: uuid.UUID
    etag: str
    owner_id: uuid.UUID | None
    branch_id: uuid.UUID | None


@dataclass(frozen=True)
class Matched:
    customer_id: uuid.UUID
    created: bool = field(default=False)


async def create_customer(
    command: CreateCustomer, work: UnitOfWork, tokens: AccessTokens, *, refuse_hidden: bool
) -> Customer:
    """The caller holds the locks of `command.keys` and of the hierarchy: parallel creates of one customer wait here."""
    matches = await queries.find_by_keys(work, command.keys)
    for match in matches:
        if match["visible"]:
            raise CustomerExists(
                "a customer with this identifier exists", customer_id=str(match["customer_id"])
            )
        if refuse_hidden or match["strong"]:
            token = tokens.issue(match["customer_id"])
            raise CustomerExists(
                "a customer with this identifier exists in another branch", access_request_token=token
            )
    return await _insert(command, work)


async def match_or_create_customer(command: CreateCustomer, work: UnitOfWork) -> Matched:
    """Like `create_customer`, but answers with the match, wherever it is."""
    matches = await queries.find_by_keys(work, command.keys)
    if matches:
        return Matched(matches[0]["customer_id"])
    return Matched((await _insert(command, work)).id, created=True)


async def _insert(command: CreateCustomer, work: UnitOfWork) -> Customer:
    place = await Placer("customers", work).place(command.owner_id or caller_id(), command.branch_id)
    given = await _with_parent(command.id, command.values["kind"], command.values, work)
    values = {
        **given,
        "owner_id": place.owner_id,
        "branch_id": place.branch_id,
        "branch_path": place.branch_path,
    }
    customer = Customer.create(command.id, values, work.clock.now())
    await queries.insert_customer(work, customer, command.keys)
    return customer


async def _with_parent(
    customer_id: uuid.UUID, kind: str, values: Mapping[str, Any], work: UnitOfWork
) -> Mapping[str, Any]:
    """Values with the parent checked, when there is one."""
    parent_id = values.get("parent_id")
    if parent_id is None:
        return values
    return {**values, "parent_id": await checked_parent(customer_id, kind, parent_id, work)}


async def update_customer(command: UpdateCustomer, work: UnitOfWork) -> Customer:
    customer = await load(work, command.id, command.etag)
    if command.keys is not None:
        others = [
            m for m in await queries.find_by_keys(work, command.keys) if m["customer_id"] != customer.id
        ]
        if others:
            raise CustomerExists("another customer has this identifier")
        await queries.put_keys(work, customer.id, command.keys)
    values = dict(await _with_parent(customer.id, customer.kind, command.values, work))
    if "custom" in values:
        values["custom"] = merge_patch(customer.custom, values["custom"])
    customer.change(values, work.clock.now())
    if not customer.display_name:
        raise InvalidArgument([("customer.display_name", "a customer needs a name")])
    return customer


async def assign_customer(command: AssignCustomer, work: UnitOfWork) -> tuple[Customer, bool]:
    """The customer, and whether the caller still sees it."""
    customer = await load(work, command.id, command.etag)
    place = await Placer("customers", work).place(
        command.owner_id or customer.owner_id,
        command.branch_id or (None if command.owner_id else customer.branch_id),
        "assign",
    )
    await hand_over(customer, place, ASSIGNED, work)
    return customer, still_sees(customer, "customers.read")


async def delete_customer(customer_id: uuid.UUID, etag: str, work: UnitOfWork) -> Customer:
    customer = await load(work, customer_id, etag)
    customer.delete(work.clock.now())
    return customer


async def undelete_customer(customer_id: uuid.UUID, work: UnitOfWork) -> Customer:
    customer = await load(work, customer_id)
    customer.undelete(work.clock.now())
    return customer


async def load(work: UnitOfWork, customer_id: uuid.UUID, etag: str = "") -> Customer:
    """The record, locked for the transaction, if the caller may change it."""
    customer: Customer | None = await work.scalar(queries.for_change(customer_id))
    if customer is None:
        raise NotFound("customer", customer_id)
    check_etag(etag, customer.version)
    return customer
