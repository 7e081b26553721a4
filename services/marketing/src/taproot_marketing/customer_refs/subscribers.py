"""Projection of customer events."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from sqlalchemy import bindparam, update

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1.customer_pb2 import (
    IDENTIFIER_KIND_EMAIL,
    IDENTIFIER_KIND_PHONE,
    Customer,
    CustomerKind,
    CustomerStatus,
)
from taproot_base import wire
from taproot_base.context import current_call
from taproot_chassis.events import Event
from taproot_marketing.customer_refs.model import CUSTOMERS, SHARES
from taproot_marketing.deliveries.rules import address_key
from taproot_marketing.loyalty.model import LoyaltyAccount
from taproot_marketing.scores.model import CustomerScore
from taproot_records.shares import rows_of_shares
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.updates import custom_values
from taproot_storage.visibility import unscoped


async def apply_customer(event: Event, work: UnitOfWork) -> None:
    told = event.decode(CustomerEvent)
    customer = told.customer
    if await CUSTOMERS.follow(work, _values(customer, event)):
        await SHARES.put(work, event.aggregate_id, rows_of_shares(told.shares))
        await _follow_owner(customer, work)


def _values(customer: Customer, event: Event) -> dict[str, Any]:
    email = _first(customer, IDENTIFIER_KIND_EMAIL)
    return {
        "id": uuid.UUID(customer.id),
        "version": event.version,
        "kind": wire.enum_name(CustomerKind, customer.kind, "CUSTOMER_KIND_"),
        "display_name": customer.display_name,
        "given_name": customer.given_name,
        "family_name": customer.family_name,
        "birth_date": wire.optional_date(customer, "birth_date"),
        "email": email,
        "email_key": address_key(email) if email else None,
        "phone": _first(customer, IDENTIFIER_KIND_PHONE),
        "status": wire.enum_name(CustomerStatus, customer.status, "CUSTOMER_STATUS_"),
        "value_class": customer.value_class,
        "industry": customer.industry,
        "region": customer.region,
        "source": customer.source,
        "tags": list(customer.tags),
        "key_account": customer.key_account,
        "language_code": customer.language_code or "zh-CN",
        "time_zone": customer.time_zone or _zone(customer),
        "custom": custom_values(customer.custom),
        "owner_id": wire.optional_uuid(customer.owner_id),
        "branch_id": wire.optional_uuid(customer.branch_id),
        "branch_path": _path(customer) or event.branch_path or "",
        "member_ids": [uuid.UUID(member) for member in customer.merged_ids],
        "deleted": event.name == "deleted" or customer.HasField("delete_time"),
    }


def _first(customer: Customer, kind: int) -> str | None:
    """The identifier to use first among its kind."""
    found = sorted((i for i in customer.identifiers if i.kind == kind), key=lambda i: not i.primary)
    return found[0].value.strip() if found else None


def _build_follow(model: Any) -> Any:
    values: Any = {
        name: bindparam(f"new_{name}") for name in ("owner_id", "branch_id", "branch_path", "display_name")
    }
    reason = "the projection of customers keeps owner and branch of what belongs to them"
    return (
        update(model)
        .where(model.customer_id == bindparam("customer"), unscoped(model, reason))
        .values(values)
    )


_follow = [Statement(partial(_build_follow, model)) for model in (CustomerScore, LoyaltyAccount)]


async def _follow_owner(customer: Customer, work: UnitOfWork) -> None:
    for statement in _follow:
        await work.execute(
            statement,
            customer=uuid.UUID(customer.id),
            new_owner_id=wire.optional_uuid(customer.owner_id),
            new_branch_id=wire.optional_uuid(customer.branch_id),
            new_branch_path=_path(customer),
            new_display_name=customer.display_name,
        )


def _zone(customer: Customer) -> str:
    """A customer without a time zone of its own lives in its branch's."""
    branch = current_call().directory.branches.get(customer.branch_id)
    return branch.time_zone if branch else ""


def _path(customer: Customer) -> str:
    """Path of the branch, by this service's own knowledge of branches."""
    branch = current_call().directory.branches.get(customer.branch_id)
    return branch.path if branch else ""
