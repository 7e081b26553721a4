"""Orders between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1 import order_pb2 as pb
from taproot.sales.v1 import order_service_pb2 as rpc
from taproot.sales.v1 import product_pb2
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_listing.lists import Page
from taproot_sales.orders.deliveries import Move
from taproot_sales.orders.handlers import ChangeOrder, CreateOrder
from taproot_sales.orders.model import Order
from taproot_sales.orders.rules import OrderState
from taproot_sales.sales_lines.messages import (
    PRODUCT_KIND,
    as_stored,
    day_of,
    days,
    document_fields,
    document_values,
    line_commands,
    money,
    reader_of,
    totals_message,
)
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

STATE = "ORDER_STATE_"
_PLAIN = ("customer_reference", "delivery_address")
CHANGEABLE = frozenset(
    {
        "display_name", "customer_id", "contact_id", "opportunity_id", "requested_date", "tax_inclusive",
        "discount_rate", "discount_amount", "lines", "payment_terms_days", "customer_reference",
        "delivery_address", "note", "team_id", "custom",
    }
)  # fmt: skip


def to_message(row: Any, lines: Sequence[Any]) -> pb.Order:
    """From a mapped Order or a row of `queries.columns`, with its lines in order."""
    read = reader_of(row)
    return pb.Order(
        external_id=read("external_id") or "",
        quote_id=wire.text_of(read("quote_id")),
        state=wire.enum_number(pb.OrderState, read("state"), STATE),
        totals=totals_message(row),
        **document_fields(read, lines, moved=True),
        **days(read, "order_date", "requested_date", "fulfil_date"),
        **as_stored(read, *_PLAIN, "cancel_reason", "historic"),
    )


def to_event(order: Order, recorded: Recorded) -> OrderEvent:
    event = OrderEvent(order=to_message(order, order.lines))
    fulfilment = recorded.detail.get("fulfilment")
    if fulfilment is not None:
        event.fulfilment.CopyFrom(fulfilment_message(fulfilment, order.currency_code))
    return event


def fulfilment_message(row: Any, currency: str) -> pb.Fulfilment:
    read = reader_of(row)
    return pb.Fulfilment(
        id=str(read("id")),
        order_id=str(read("order_id")),
        invoice_id=str(read("invoice_id")),
        lines=[_fulfilment_line(stored, currency) for stored in read("lines")],
        fulfil_date=wire.to_date(read("fulfil_date")),
        create_time=wire.to_timestamp(read("create_time")),
        **as_stored(read, "sequence", "is_return", "note", "actor_id"),
    )


def _fulfilment_line(stored: dict[str, Any], currency: str) -> pb.FulfilmentLine:
    kind = wire.enum_number(product_pb2.ProductKind, stored["product_kind"], PRODUCT_KIND)
    amounts = {name: money(Decimal(stored[name]), currency) for name in ("net", "tax")}
    return pb.FulfilmentLine(**stored | amounts | {"product_kind": kind})


def parse_new(
    request: rpc.CreateOrderRequest, default_currency: str, terms_days: int, path: str
) -> CreateOrder:
    message = request.order
    if not message.customer_id:
        raise InvalidArgument([(f"{path}.customer_id", "is required")])
    state = wire.enum_name(pb.OrderState, message.state, STATE)
    names = [field.name for field, _ in message.ListFields()]
    values = _values(message, names, path)
    values.setdefault("payment_terms_days", terms_days)
    return CreateOrder(
        id=wire.optional_uuid(message.id),
        customer_id=uuid.UUID(message.customer_id),
        lines=line_commands(message.lines),
        currency_code=message.currency_code,
        default_currency=default_currency,
        discount_amount_currency=message.discount_amount.currency_code,
        external_id=message.external_id,
        state=OrderState(state) if state else None,
        order_date=day_of(message, "order_date", path),
        fulfil_date=day_of(message, "fulfil_date", path),
        owner_id=wire.optional_uuid(message.owner_id),
        branch_id=wire.optional_uuid(message.branch_id),
        values=values,
        given=frozenset(names),
        path=path,
    )


def parse_change(message: pb.Order, names: Sequence[str]) -> ChangeOrder:
    values = _values(message, names, "order")
    if "customer_id" in names:
        values["customer_id"] = uuid.UUID(message.customer_id)
    return ChangeOrder(
        id=uuid.UUID(message.id),
        etag=message.etag,
        values=values,
        lines=line_commands(message.lines) if "lines" in names else None,
        discount_amount_currency=message.discount_amount.currency_code,
    )


def _values(message: pb.Order, names: Iterable[str], path: str) -> dict[str, Any]:
    names = list(names)
    values = document_values(message, names)
    values |= {name: getattr(message, name) for name in (*_PLAIN, "payment_terms_days") if name in names}
    if "requested_date" in names:
        values["requested_date"] = day_of(message, "requested_date", path)
    if "custom" in names:
        values["custom"] = custom_values(message.custom, f"{path}.custom")
    return values


def parse_move(request: rpc.FulfilOrderRequest | rpc.ReturnOrderRequest) -> Move:
    """Quantities of a line named twice are added."""
    quantities: dict[str, Decimal] = {}
    for line in request.lines:
        quantities[line.line_id] = quantities.get(line.line_id, Decimal(0)) + Decimal(line.quantity)
    return Move(
        uuid.UUID(request.id), request.etag, quantities, day_of(request, "fulfil_date", ""), request.note
    )


def fulfilments_message(page: Page[Any], currency: str) -> rpc.ListFulfilmentsResponse:
    return rpc.ListFulfilmentsResponse(
        fulfilments=[fulfilment_message(row, currency) for row in page.rows],
        next_page_token=page.next_page_token,
    )
