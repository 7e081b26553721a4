"""Use cases of deliveries and returns, each with its one invoice or credit note."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from taproot_base.context import current_call
from taproot_base.ids import new_id
from taproot_sales.invoices.handlers import credit_return, invoice_delivery
from taproot_sales.orders.handlers import load_order
from taproot_sales.orders.model import Fulfilment, Moved, Order
from taproot_storage.database import UnitOfWork


@dataclass(frozen=True, slots=True)
class Move:
    """A delivery or a return: line id -> quantity; empty for everything left."""

    order_id: uuid.UUID
    etag: str
    quantities: Mapping[str, Decimal]
    day: date | None
    note: str


async def fulfil_order(command: Move, work: UnitOfWork) -> Order:
    """Record a delivery with its one invoice."""
    order = await load_order(command.order_id, command.etag, work)
    moved = order.deliver(command.quantities)
    fulfilment = _movement(order, command, moved, work, is_return=False)
    await work.add(fulfilment)
    await invoice_delivery(order, fulfilment, moved, work)
    order.moved_by(fulfilment, work.clock.now())
    return order


async def return_order(command: Move, work: UnitOfWork) -> Order:
    """Record what came back with its one credit note."""
    order = await load_order(command.order_id, command.etag, work)
    moved = order.take_back(command.quantities)
    fulfilment = _movement(order, command, moved, work, is_return=True)
    await work.add(fulfilment)
    await credit_return(order, fulfilment, moved, work)
    order.moved_by(fulfilment, work.clock.now())
    return order


def _movement(
    order: Order, command: Move, moved: Sequence[Moved], work: UnitOfWork, *, is_return: bool
) -> Fulfilment:
    return Fulfilment(
        id=new_id(),
        order_id=order.id,
        sequence=order.movements + 1,
        is_return=is_return,
        lines=[_moved_line(move) for move in moved],
        invoice_id=new_id(),
        fulfil_date=command.day or work.clock.now().date(),
        note=command.note,
        actor_id=current_call().principal.subject,
        create_time=work.clock.now(),
    )


def _moved_line(move: Moved) -> dict[str, Any]:
    line = move.line
    return {
        "line_id": str(line.id),
        "product_id": str(line.product_id or ""),
        "display_name": line.display_name,
        "product_code": line.product_code,
        "product_kind": line.product_kind,
        "entitlement_months": line.entitlement_months,
        "quantity": str(move.quantity),
        "net": str(move.net),
        "tax": str(move.tax),
    }
