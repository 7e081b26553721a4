"""What an order comes to as a purchase. Pure: order in, columns out."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from taproot.sales.v1 import order_pb2 as pb
from taproot.sales.v1.sales_line_pb2 import SalesLine
from taproot_base import wire

EXACT = Decimal("0.000001")
# Bought: reviewed and not called off. What came back whole was not bought.
COUNTED = frozenset(
    {
        pb.ORDER_STATE_CONFIRMED,
        pb.ORDER_STATE_PARTIALLY_FULFILLED,
        pb.ORDER_STATE_FULFILLED,
        pb.ORDER_STATE_PARTIALLY_RETURNED,
    }
)


def purchase_of(order: pb.Order, at: dt.datetime) -> dict[str, Any]:
    """`at`: when the event happened, for orders that name no day."""
    counted = order.state in COUNTED
    kept = [(line, _kept(line)) for line in order.lines] if counted else []
    net = sum((_net(line) * share for line, share in kept), Decimal(0))
    products = {uuid.UUID(line.product_id) for line, share in kept if share > 0 and line.product_id}
    return {
        "day": wire.optional_date(order, "order_date") or at.date(),
        "counted": counted and any(share > 0 for _, share in kept),
        "net": net.quantize(EXACT),
        "currency_code": order.currency_code,
        "product_ids": sorted(products),
    }


def _kept(line: SalesLine) -> Decimal:
    """The share of a line that did not come back. Of what was never delivered nothing can."""
    quantity = Decimal(line.quantity or 0)
    return 1 - Decimal(line.returned_quantity or 0) / quantity if quantity else Decimal(0)


def _net(line: SalesLine) -> Decimal:
    money = line.exact_net if line.HasField("exact_net") else line.net
    return Decimal(money.amount or 0)
