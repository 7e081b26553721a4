"""Quantities and states of an order, without I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class OrderState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    PARTIALLY_RETURNED = "partially_returned"
    RETURNED = "returned"
    CANCELLED = "cancelled"


CAN_FULFIL = (OrderState.CONFIRMED, OrderState.PARTIALLY_FULFILLED, OrderState.PARTIALLY_RETURNED)
CAN_RETURN = (OrderState.PARTIALLY_FULFILLED, OrderState.FULFILLED, OrderState.PARTIALLY_RETURNED)
CAN_CANCEL = (OrderState.DRAFT, OrderState.SUBMITTED, OrderState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class LineProgress:
    """How far one line has come."""

    line_id: str
    quantity: Decimal
    fulfilled: Decimal = ZERO
    returned: Decimal = ZERO

    @property
    def to_fulfil(self) -> Decimal:
        return self.quantity - self.fulfilled

    @property
    def to_return(self) -> Decimal:
        return self.fulfilled - self.returned


@dataclass(frozen=True, slots=True)
class QuantityProblem:
    """A line of which more was asked than there is; `left` is None for a line the order does not have."""

    line_id: str
    left: Decimal | None


def plan(left: Mapping[str, Decimal], wanted: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What moves: what is wanted, or everything left when nothing is named."""
    if wanted:
        return {line_id: quantity for line_id, quantity in wanted.items() if quantity > 0}
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}


def problems(left: Mapping[str, Decimal], wanted: Mapping[str, Decimal]) -> list[QuantityProblem]:
    return [
        QuantityProblem(line_id, left.get(line_id))
        for line_id, quantity in wanted.items()
        if quantity > left.get(line_id, Decimal(-1))
    ]


def state_after(lines: Sequence[LineProgress]) -> OrderState:
    """State of a confirmed order from the progress of its lines."""
    delivered = any(line.fulfilled for line in lines)
    complete = all(line.to_fulfil == 0 for line in lines)
    if any(line.returned for line in lines):
        gone = complete and all(line.to_return == 0 for line in lines)
        return OrderState.RETURNED if gone else OrderState.PARTIALLY_RETURNED
    if delivered:
        return OrderState.FULFILLED if complete else OrderState.PARTIALLY_FULFILLED
    return OrderState.CONFIRMED
