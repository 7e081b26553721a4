"""Quotes between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.quote_event_pb2 import QuoteEvent
from taproot.sales.v1 import quote_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_sales.pricing.document import LineAmounts, tax_summary
from taproot_sales.quotes.handlers import ChangeQuote, CreateQuote
from taproot_sales.quotes.model import Quote
from taproot_sales.sales_lines.messages import (
    day_of,
    document_fields,
    document_values,
    instants,
    keys,
    line_commands,
    money,
    plain,
    reader_of,
    totals_message,
)
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

STATE = "QUOTE_STATE_"
CHANGEABLE = frozenset(
    {
        "display_name", "customer_id", "contact_id", "opportunity_id", "tax_inclusive", "discount_rate",
        "discount_amount", "lines", "valid_until", "payment_terms_days", "terms", "note", "team_id", "custom",
    }
)  # fmt: skip


def to_message(row: Any, lines: Sequence[Any]) -> pb.Quote:
    """From a mapped Quote or a row of `queries.columns`, with its lines in order."""
    read = reader_of(row)
    return pb.Quote(
        version=read("revision"),
        state=wire.enum_number(pb.QuoteState, read("state"), STATE),
        totals=totals_message(row),
        valid_until=wire.to_date(read("valid_until")),
        terms=read("terms"),
        reject_reason=read("reject_reason"),
        **document_fields(read, lines, moved=False),
        **keys(read, "previous_version_id", "order_id"),
        **instants(read, "send_time", "close_time"),
    )


def to_event(quote: Quote, recorded: Recorded) -> QuoteEvent:
    by_approver = bool(recorded.detail.get("by_approver"))
    return QuoteEvent(quote=to_message(quote, quote.lines), rejected_by_approver=by_approver)


def parse_new(message: pb.Quote, default_currency: str, terms_days: int) -> CreateQuote:
    if not message.customer_id:
        raise InvalidArgument([("quote.customer_id", "is required")])
    values = _values(message, [field.name for field, _ in message.ListFields()])
    values.setdefault("payment_terms_days", terms_days)
    return CreateQuote(
        id=wire.optional_uuid(message.id),
        customer_id=uuid.UUID(message.customer_id),
        lines=line_commands(message.lines),
        currency_code=message.currency_code,
        default_currency=default_currency,
        discount_amount_currency=message.discount_amount.currency_code,
        valid_until=values.pop("valid_until", None),
        owner_id=wire.optional_uuid(message.owner_id),
        branch_id=wire.optional_uuid(message.branch_id),
        values=values,
    )


def parse_change(message: pb.Quote, names: Sequence[str]) -> ChangeQuote:
    values = _values(message, names)
    if "customer_id" in names:
        values["customer_id"] = uuid.UUID(message.customer_id)
    if values.get("valid_until", True) is None:
        raise InvalidArgument([("quote.valid_until", "is required")])
    return ChangeQuote(
        id=uuid.UUID(message.id),
        etag=message.etag,
        values=values,
        lines=line_commands(message.lines) if "lines" in names else None,
        discount_amount_currency=message.discount_amount.currency_code,
    )


def _values(message: pb.Quote, names: Iterable[str]) -> dict[str, Any]:
    names = list(names)
    values = document_values(message, names)
    values |= {name: getattr(message, name) for name in ("terms", "payment_terms_days") if name in names}
    if "valid_until" in names:
        values["valid_until"] = day_of(message, "valid_until", "quote")
    if "custom" in names:
        values["custom"] = custom_values(message.custom, "quote.custom")
    return values


def document_message(row: Any, lines: Sequence[Any], customer_name: str) -> pb.QuoteDocument:
    """The quote as it is printed."""
    read = reader_of(row)
    currency = read("currency_code")
    return pb.QuoteDocument(
        title=f"{read('number')} v{read('revision')}",
        customer_name=customer_name,
        issue_date=wire.to_date((read("send_time") or read("create_time")).date()),
        valid_until=wire.to_date(read("valid_until")),
        rows=[_row(number, line, currency) for number, line in enumerate(lines, 1)],
        totals=totals_message(row),
        taxes=_taxes(lines, currency),
        terms=read("terms"),
        payment_terms_days=read("payment_terms_days"),
    )


def _row(position: int, line: Any, currency: str) -> pb.QuoteDocumentRow:
    read = reader_of(line)
    return pb.QuoteDocumentRow(
        position=position,
        product_code=read("product_code"),
        description=read("display_name"),
        quantity=plain(read("quantity")),
        unit_price=money(read("unit_price"), currency),
        discount_percent=_percent(read("discount_rate")),
        tax_percent=_percent(read("tax_rate")),
        net=money(read("net"), currency),
    )


def _taxes(lines: Sequence[Any], currency: str) -> list[pb.QuoteDocumentTax]:
    reads = [reader_of(line) for line in lines]
    amounts = [LineAmounts(read("net"), read("tax"), read("exact_net")) for read in reads]
    return [
        pb.QuoteDocumentTax(
            tax_percent=_percent(row.rate), net=money(row.net, currency), tax=money(row.tax, currency)
        )
        for row in tax_summary([read("tax_rate") for read in reads], amounts)
    ]


def _percent(rate: Decimal) -> str:
    return plain(rate * 100)
