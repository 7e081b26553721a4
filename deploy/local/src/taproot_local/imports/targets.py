"""The resources rows can go into: their paths, batches, and what cannot be changed by an update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from taproot_local.errors import LocalError

_PLACE = ("owner_id", "branch_id", "external_id")


@dataclass(frozen=True)
class Target:
    """`fixed`: fields given on create only. `batch`: how many at once, 0 for one by one."""

    path: str
    single: str
    fixed: tuple[str, ...] = ()
    batch: int = 0
    partial: bool = False
    """Whether a batch can create those that are right and answer an error for the others."""

    @property
    def items(self) -> str:
        return self.path.rsplit("/", 1)[-1]


TARGETS = {
    "branches": Target("/v1/branches", "branch", ("code", "parent_id")),
    "users": Target("/v1/users", "user", ("branch_id", "role_ids", "team_ids")),
    "customers": Target("/v1/customers", "customer", ("kind", *_PLACE), 200, partial=True),
    "products": Target("/v1/products", "product", (), 500, partial=True),
    "contacts": Target("/v1/contacts", "contact", ("customer_id", *_PLACE)),
    "leads": Target("/v1/leads", "lead", _PLACE),
    "activities": Target("/v1/activities", "activity", ("customer_id", "kind", *_PLACE)),
    "opportunities": Target(
        "/v1/opportunities", "opportunity", ("stage", "open_time", "close_time", *_PLACE), 500, partial=True
    ),
    "orders": Target(
        "/v1/orders",
        "order",
        ("state", "order_date", "fulfil_date", "lines", "customer_id", "currency_code", *_PLACE),
        100,
    ),
    "tickets": Target(
        "/v1/tickets",
        "ticket",
        (
            "state",
            "open_time",
            "first_response_time",
            "resolve_time",
            "close_time",
            "satisfaction_score",
            *_PLACE,
        ),
        100,
    ),
}


def target(name: str) -> Target:
    if name not in TARGETS:
        raise LocalError(f"Rows cannot go into {name!r}; they can into {', '.join(TARGETS)}.")
    return TARGETS[name]


def differing(body: Mapping[str, Any], stored: Mapping[str, Any]) -> list[str]:
    """The fields of the body that the stored record has otherwise."""
    return [name for name, value in body.items() if name != "id" and not same(value, stored.get(name))]


def same(wanted: Any, stored: Any) -> bool:
    """Whether the stored value says what was wanted; services add to it and write numbers and names their way."""
    if isinstance(wanted, dict):
        return all(same(value, (stored or {}).get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        stored = stored or []
        return len(stored) == len(wanted) and all(map(same, wanted, stored))
    if stored is None:
        return wanted in ("", 0, False) or _number(wanted) == 0
    if isinstance(wanted, str) and isinstance(stored, str):
        return wanted == stored or stored.endswith(f"_{wanted}") or _same_amount(wanted, stored)
    return bool(wanted == stored)


def _same_amount(one: str, other: str) -> bool:
    number = _number(one)
    if number is not None:
        return number == _number(other)
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (ValueError, TypeError):
        return False


def _number(text: Any) -> Decimal | None:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None
