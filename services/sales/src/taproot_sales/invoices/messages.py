"""Invoices and credit limits between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.credit_limit_event_pb2 import CreditLimitEvent
from taproot.sales.events.v1.invoice_event_pb2 import InvoiceEvent
from taproot.sales.v1 import invoice_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_sales.invoices.handlers import CreateInvoice, InvoiceLineCommand
from taproot_sales.invoices.model import CreditLimit, Invoice
from taproot_sales.invoices.queries import BUCKETS
from taproot_sales.invoices.rules import InvoiceKind
from taproot_sales.sales_lines.messages import (
    amounts,
    as_stored,
    day_of,
    days,
    instants,
    keys,
    money,
    plain,
    reader_of,
    wire_struct,
)
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

KIND, STATE = "INVOICE_KIND_", "INVOICE_STATE_"
_KEYS = (
    "id",
    "customer_id",
    "order_id",
    "fulfilment_id",
    "credited_invoice_id",
    "owner_id",
    "branch_id",
    "team_id",
)
_PLAIN = ("number", "display_name", "currency_code", "void_reason", "note")


def to_message(row: Any) -> pb.Invoice:
    """From a mapped Invoice or a row of its table."""
    read = reader_of(row)
    currency = read("currency_code")
    return pb.Invoice(
        kind=wire.enum_number(pb.InvoiceKind, read("kind"), KIND),
        state=wire.enum_number(pb.InvoiceState, read("state"), STATE),
        external_id=read("external_id") or "",
        lines=[_line(stored, currency) for stored in read("lines")],
        total=money(read("net") + read("tax"), currency),
        etag=str(read("version")),
        custom=wire_struct(read("custom")),
        **keys(read, *_KEYS),
        **as_stored(read, *_PLAIN),
        **amounts(read, "net", "tax", "open_amount"),
        **days(read, "invoice_date", "due_date"),
        **instants(read, "create_time", "update_time"),
    )


def _line(stored: dict[str, Any], currency: str) -> pb.InvoiceLine:
    amounts = {name: money(Decimal(stored[name]), currency) for name in ("net", "tax")}
    return pb.InvoiceLine(**stored | amounts | {"quantity": plain(Decimal(stored["quantity"]))})


def to_event(invoice: Invoice, _recorded: Recorded) -> InvoiceEvent:
    return InvoiceEvent(invoice=to_message(invoice))


def parse_new(message: pb.Invoice, default_currency: str, terms_days: int) -> CreateInvoice:
    violations = [
        Violation(f"invoice.{name}", "is required")
        for name in ("customer_id", "lines")
        if not getattr(message, name)
    ]
    violations += [
        Violation(f"invoice.lines[{n}].net", "is required")
        for n, line in enumerate(message.lines)
        if not line.HasField("net")
    ]
    if violations:
        raise InvalidArgument(violations)
    lines = [_line_command(line) for line in message.lines]
    kind = wire.enum_name(pb.InvoiceKind, message.kind, KIND)
    return CreateInvoice(
        id=wire.optional_uuid(message.id),
        kind=InvoiceKind(kind) if kind else InvoiceKind.INVOICE,
        customer_id=uuid.UUID(message.customer_id),
        credited_invoice_id=wire.optional_uuid(message.credited_invoice_id),
        external_id=message.external_id,
        currency_code=message.currency_code or message.lines[0].net.currency_code or default_currency,
        lines=lines,
        invoice_date=day_of(message, "invoice_date", "invoice"),
        due_date=day_of(message, "due_date", "invoice"),
        terms_days=terms_days,
        display_name=message.display_name,
        note=message.note,
        owner_id=wire.optional_uuid(message.owner_id),
        branch_id=wire.optional_uuid(message.branch_id),
        team_id=wire.optional_uuid(message.team_id),
        custom=custom_values(message.custom, "invoice.custom"),
    )


def _line_command(line: pb.InvoiceLine) -> InvoiceLineCommand:
    taxed = line.HasField("tax")
    currencies = {line.net.currency_code} | ({line.tax.currency_code} if taxed else set())
    return InvoiceLineCommand(
        product_id=wire.optional_uuid(line.product_id),
        display_name=line.display_name,
        quantity=Decimal(line.quantity or 1),
        net=Decimal(line.net.amount),
        tax=Decimal(line.tax.amount) if taxed else Decimal(0),
        currencies=frozenset(currencies),
    )


def ageing_message(rows: Iterable[Any]) -> Sequence[pb.AgeingRow]:
    return [_ageing_row(row) for row in rows]


def _ageing_row(row: Any) -> pb.AgeingRow:
    currency = row["currency_code"]
    names = (*BUCKETS, "unallocated_credit", "balance")
    return pb.AgeingRow(
        customer_id=str(row["customer_id"]),
        customer_name=row["customer_name"] or "",
        currency_code=currency,
        **{name: money(row[name], currency) for name in names},
    )


def limit_message(row: Any, used: Decimal | None) -> pb.CreditLimit:
    read = reader_of(row)
    currency = read("currency_code")
    return pb.CreditLimit(
        customer_id=str(read("id")),
        limit=money(read("limit_amount"), currency),
        used=money(used, currency),
        note=read("note"),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        etag=str(read("version")),
    )


def limit_event(limit: CreditLimit, _recorded: Recorded) -> CreditLimitEvent:
    return CreditLimitEvent(credit_limit=limit_message(limit, None))
