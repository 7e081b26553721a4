"""Use cases of deliveries: asking for a message, and what staff do about one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from taproot_base import telemetry
from taproot_base.errors import NotFound
from taproot_base.ids import new_id
from taproot_marketing.deliveries import queries
from taproot_marketing.deliveries.model import Delivery
from taproot_marketing.deliveries.rules import address_key
from taproot_marketing.suppressions.handlers import Cause, suppress
from taproot_records.writing import load, load_any
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement

_columns = Delivery.__table__.columns


@dataclass(frozen=True)
class Order:
    """A message to send, once for ever by its business key."""

    business_key: str
    source: str
    template_id: uuid.UUID
    message_class: str
    customer: Any = None
    """Row of the customer; None when there is only an address."""
    address: str = ""
    language_code: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    journey_id: uuid.UUID | None = None
    journey_run_id: uuid.UUID | None = None
    journey_step: str = ""
    campaign_id: uuid.UUID | None = None
    owner_id: uuid.UUID | None = None
    branch_id: uuid.UUID | None = None
    branch_path: str = ""


def _build_put() -> Any:
    values = {column.key: bindparam(column.key, type_=column.type) for column in _columns}
    return insert(Delivery).values(values).on_conflict_do_nothing(index_elements=["business_key"])


_put = Statement(_build_put)


async def enqueue(order: Order, work: UnitOfWork, delivery_id: uuid.UUID | None = None) -> uuid.UUID | None:
    """Ask for a message in the caller's transaction; None when its business key is known already."""
    key = delivery_id or new_id()
    made = await work.execute(_put, **_row(order, key, work))
    return key if made else None


def _row(order: Order, key: uuid.UUID, work: UnitOfWork) -> dict[str, Any]:
    now = work.clock.now()
    placed = {
        name: order.customer[name] if order.customer else getattr(order, name)
        for name in ("owner_id", "branch_id", "branch_path")
    }
    own = {
        name: getattr(order, name)
        for name in (
            "business_key", "source", "template_id", "message_class", "address", "language_code", "context",
            "journey_id", "journey_run_id", "journey_step", "campaign_id",
        )
    }  # fmt: skip
    empty = dict.fromkeys(("display_name", "recipient", "recipient_domain", "reason"), "")
    unknown = dict.fromkeys(("claim_id", "claim_time", "sent_time"))
    return (
        own
        | placed
        | empty
        | unknown
        | {
            "id": key,
            "version": 0,
            "state": "queued",
            "customer_id": order.customer["id"] if order.customer else None,
            "address_key": address_key(order.address) if order.address else "",
            "message_id": f"<{key}@unsent>",
            "attempt_count": 0,
            "smtp_code": 0,
            "next_attempt_time": now,
            "create_time": now,
            "update_time": now,
            "traceparent": telemetry.traceparent(),
        }
    )


async def cancel_delivery(key: str, etag: str, work: UnitOfWork) -> Delivery:
    delivery = await load(work, Delivery, key, etag)
    delivery.cancel(work.clock.now())
    return delivery


async def resolve_delivery(key: str, etag: str, outcome: str, work: UnitOfWork) -> Delivery:
    delivery = await load(work, Delivery, key, etag)
    delivery.resolve(outcome, work.clock.now())
    return delivery


async def report_bounce(message_id: str, kind: str, reason: str, work: UnitOfWork) -> Delivery:
    """A bounce or complaint that came back; hard bounces and complaints suppress the address."""
    key = await queries.find_by_message_id(work, message_id)
    if key is None:
        raise NotFound("delivery", message_id)
    delivery = await load_any(work, Delivery, key, "a bounce names the mail, not a branch")
    fresh = delivery.come_back(kind, reason, work.clock.now())
    if fresh and kind in ("hard", "complaint"):
        why = "complained" if kind == "complaint" else "bounced"
        await suppress(
            delivery.recipient,
            why,
            work,
            cause=Cause(delivery.id, delivery.customer_id),
            proof=f"reported: {reason}",
        )
    return delivery
