"""What of an event counts. Pure: event in, row out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from taproot.marketing.events.v1.loyalty_account_event_pb2 import LoyaltyAccountEvent
from taproot.sales.events.v1.opportunity_event_pb2 import OpportunityEvent
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1 import opportunity_pb2, order_pb2
from taproot.servicedesk.events.v1.survey_event_pb2 import SurveyEvent
from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot.servicedesk.v1 import survey_pb2, survey_response_pb2, ticket_pb2
from taproot_base import wire
from taproot_chassis.events import Event

ORDER, OPPORTUNITY, TICKET, SURVEY, NPS, POINTS = "order", "opportunity", "ticket", "survey", "nps", "points"
# From its confirmation on; one that came back in full or was called off never was.
_ORDERED = frozenset(
    {
        order_pb2.ORDER_STATE_CONFIRMED,
        order_pb2.ORDER_STATE_PARTIALLY_FULFILLED,
        order_pb2.ORDER_STATE_FULFILLED,
        order_pb2.ORDER_STATE_PARTIALLY_RETURNED,
    }
)
_OPEN_TICKET = frozenset(
    {ticket_pb2.TICKET_STATE_NEW, ticket_pb2.TICKET_STATE_OPEN, ticket_pb2.TICKET_STATE_WAITING}
)


@dataclass(frozen=True)
class Item:
    """The newest state of one record. `number`: a score or points."""

    kind: str
    item_id: uuid.UUID
    customer_id: uuid.UUID
    version: int
    counts: bool
    open: bool = False
    at: datetime | None = None
    amount: Decimal | None = None
    currency_code: str | None = None
    number: int | None = None


def item_of(event: Event) -> Item | None:
    """None for what tells nothing that is counted, such as a survey that was not answered."""
    read = _READERS.get(event.aggregate_type)
    return None if read is None else read(event)


def _order(event: Event) -> Item | None:
    order = event.decode(OrderEvent).order
    customer = wire.optional_uuid(order.customer_id)
    if customer is None:
        return None
    return Item(
        ORDER,
        event.aggregate_id,
        customer,
        event.version,
        counts=event.name != "deleted" and order.state in _ORDERED,
        at=_day(order, "order_date") or wire.optional_instant(order, "create_time"),
        amount=_kept(order),
        currency_code=order.totals.net.currency_code or order.currency_code or None,
    )


def _day(message: Any, name: str) -> datetime | None:
    """A day begins at midnight UTC."""
    found = wire.optional_date(message, name)
    return None if found is None else datetime.combine(found, time.min, UTC)


def _kept(order: Any) -> Decimal:
    """Net of the order without what came back, by each line's share."""
    returned = sum((_returned(line) for line in order.lines), Decimal(0))
    return max(Decimal(order.totals.net.amount or "0") - returned, Decimal(0)).quantize(Decimal("0.000001"))


def _returned(line: Any) -> Decimal:
    quantity, back = Decimal(line.quantity or "0"), Decimal(line.returned_quantity or "0")
    return Decimal(line.net.amount or "0") * back / quantity if quantity and back else Decimal(0)


def _opportunity(event: Event) -> Item | None:
    found = event.decode(OpportunityEvent).opportunity
    customer = wire.optional_uuid(found.customer_id)
    if customer is None:
        return None
    is_open = event.name != "deleted" and found.state == opportunity_pb2.OPPORTUNITY_STATE_OPEN
    return Item(
        OPPORTUNITY,
        event.aggregate_id,
        customer,
        event.version,
        counts=is_open,
        open=is_open,
        amount=Decimal(found.amount.amount or "0"),
        currency_code=found.amount.currency_code or None,
    )


def _ticket(event: Event) -> Item | None:
    ticket = event.decode(TicketEvent).ticket
    customer = wire.optional_uuid(ticket.customer_id)
    if customer is None:
        return None
    counts = event.name != "deleted"
    return Item(
        TICKET,
        event.aggregate_id,
        customer,
        event.version,
        counts=counts,
        open=counts and ticket.state in _OPEN_TICKET,
        at=wire.optional_instant(ticket, "create_time"),
    )


def _survey(event: Event) -> Item | None:
    response = event.decode(SurveyEvent).response
    customer = wire.optional_uuid(response.customer_id)
    answered = response.state == survey_response_pb2.SURVEY_RESPONSE_STATE_ANSWERED
    if customer is None or not answered or not response.HasField("score"):
        return None
    return Item(
        NPS if response.kind == survey_pb2.SURVEY_KIND_NPS else SURVEY,
        uuid.UUID(response.id),
        customer,
        event.version,
        counts=True,
        at=wire.optional_instant(response, "answer_time"),
        number=response.score,
    )


def _loyalty(event: Event) -> Item | None:
    account = event.decode(LoyaltyAccountEvent).loyalty_account
    customer = wire.optional_uuid(account.customer_id)
    if customer is None:
        return None
    return Item(POINTS, event.aggregate_id, customer, event.version, counts=True, number=account.balance)


_READERS: Mapping[str, Callable[[Event], Item | None]] = {
    "order": _order,
    "opportunity": _opportunity,
    "ticket": _ticket,
    "survey": _survey,
    "loyalty_account": _loyalty,
}
