"""Use cases of invoices and credit notes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_records.writing import load
from taproot_sales.invoices.ledger import enter_invoice, next_number
from taproot_sales.invoices.model import UNSETTLED, ExternalIdTaken, Invoice
from taproot_sales.invoices.rules import EntryKind, InvoiceKind, OpenItem, Part, due_on, oldest_first
from taproot_sales.orders.model import Fulfilment, Moved, Order
from taproot_sales.payments.model import Allocation, AllocationSource
from taproot_sales.pricing.currency import is_whole
from taproot_sales.sales_lines.customers import checked_place
from taproot_storage.database import UnitOfWork
from taproot_storage.visibility import unscoped, visible

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class InvoiceLineCommand:
    product_id: uuid.UUID | None
    display_name: str
    quantity: Decimal
    net: Decimal
    tax: Decimal
    currencies: frozenset[str]


@dataclass(frozen=True, slots=True)
class CreateInvoice:
    id: uuid.UUID | None
    kind: InvoiceKind
    customer_id: uuid.UUID
    credited_invoice_id: uuid.UUID | None
    external_id: str
    currency_code: str
    lines: Sequence[InvoiceLineCommand]
    invoice_date: date | None
    due_date: date | None
    terms_days: int
    display_name: str = ""
    note: str = ""
    owner_id: uuid.UUID | None = None
    branch_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None
    custom: dict[str, Any] = field(default_factory=dict)


async def create_invoice(command: CreateInvoice, work: UnitOfWork) -> Invoice:
    """An invoice or credit note by hand. A credit note for an invoice is used on it at once."""
    place = await checked_place("invoice", command, lambda: check_lines(command), work)
    await _require_new(command, work)
    credited = await _credited(command, work)
    day = command.invoice_date or work.clock.now().date()
    invoice = Invoice(
        id=command.id or new_id(),
        kind=command.kind,
        customer_id=command.customer_id,
        credited_invoice_id=command.credited_invoice_id,
        external_id=command.external_id or None,
        currency_code=command.currency_code,
        lines=[_manual_line(line) for line in command.lines],
        net=sum((line.net for line in command.lines), ZERO),
        tax=sum((line.tax for line in command.lines), ZERO),
        invoice_date=day,
        due_date=command.due_date or due_on(day, command.terms_days),
        display_name=command.display_name,
        note=command.note,
        owner_id=place.owner_id,
        branch_id=place.branch_id,
        branch_path=place.branch_path,
        team_id=command.team_id,
        custom=command.custom,
    )
    await issue(invoice, work)
    await _use_credit(invoice, [credited] if credited else [], work)
    return invoice


def check_lines(command: CreateInvoice) -> None:
    violations = []
    for number, line in enumerate(command.lines):
        path = f"invoice.lines[{number}]"
        if line.currencies - {command.currency_code}:
            violations.append((f"{path}.net", f"must be in {command.currency_code}"))
        violations += [
            (f"{path}.{name}", "must be whole minor units and not negative")
            for name, amount in (("net", line.net), ("tax", line.tax))
            if amount < 0 or not is_whole(amount, command.currency_code)
        ]
    if command.due_date and command.invoice_date and command.due_date < command.invoice_date:
        violations.append(("invoice.due_date", "is before the invoice_date"))
    if violations:
        raise InvalidArgument(violations)


async def _require_new(command: CreateInvoice, work: UnitOfWork) -> None:
    if not command.external_id:
        return
    statement = select(Invoice.id).where(
        Invoice.external_id == command.external_id, unscoped(Invoice, "external ids are unique everywhere")
    )
    taken = await work.fetch_value(statement)
    if taken is not None:
        raise ExternalIdTaken("an invoice with this external_id exists", external_id=command.external_id)


async def _credited(command: CreateInvoice, work: UnitOfWork) -> Invoice | None:
    """The invoice a credit note is for, locked."""
    if command.credited_invoice_id is None:
        return None
    invoice = await load_invoice(command.credited_invoice_id, work)
    fits = (invoice.kind, invoice.customer_id, invoice.currency_code) == (
        InvoiceKind.INVOICE,
        command.customer_id,
        command.currency_code,
    )
    if command.kind is not InvoiceKind.CREDIT_NOTE or not fits:
        raise InvalidArgument(
            [("invoice.credited_invoice_id", "must be an invoice of the customer in the currency")]
        )
    return invoice


def _manual_line(line: InvoiceLineCommand) -> dict[str, Any]:
    return {
        "order_line_id": "",
        "product_id": str(line.product_id or ""),
        "display_name": line.display_name,
        "quantity": str(line.quantity),
        "net": str(line.net),
        "tax": str(line.tax),
    }


async def load_invoice(invoice_id: uuid.UUID, work: UnitOfWork, etag: str = "") -> Invoice:
    """Locked until the end of the transaction."""
    return await load(work, Invoice, invoice_id, etag)


async def issue(invoice: Invoice, work: UnitOfWork) -> None:
    """Number it, enter it in the account, record it."""
    kind = InvoiceKind(invoice.kind)
    invoice.number = await next_number(kind, work)
    invoice.display_name = invoice.display_name or invoice.number
    invoice.issue(work.clock.now())
    await work.add(invoice)
    if kind is InvoiceKind.INVOICE:
        await enter_invoice(invoice, EntryKind.INVOICE, invoice.total, work)
    else:
        await enter_invoice(invoice, EntryKind.CREDIT_NOTE, -invoice.total, work)


async def invoice_delivery(
    order: Order, fulfilment: Fulfilment, moved: Sequence[Moved], work: UnitOfWork
) -> Invoice:
    """The one invoice of a delivery, in its transaction."""
    invoice = _document_of(order, fulfilment, moved, InvoiceKind.INVOICE)
    await issue(invoice, work)
    return invoice


async def credit_return(
    order: Order, fulfilment: Fulfilment, moved: Sequence[Moved], work: UnitOfWork
) -> Invoice:
    """The one credit note of a return, used at once on what is open of the order's invoices."""
    statement = select(Invoice).where(
        Invoice.order_id == order.id,
        Invoice.kind == InvoiceKind.INVOICE,
        unscoped(Invoice, "the invoices of an order the caller may return"),
    )
    invoices: list[Invoice] = await work.scalars(statement.order_by(Invoice.id).with_for_update())
    note = _document_of(order, fulfilment, moved, InvoiceKind.CREDIT_NOTE)
    note.credited_invoice_id = invoices[-1].id if invoices else None
    await issue(note, work)
    await _use_credit(note, invoices, work)
    return note


def _document_of(order: Order, fulfilment: Fulfilment, moved: Sequence[Moved], kind: InvoiceKind) -> Invoice:
    day = fulfilment.fulfil_date
    return Invoice(
        id=fulfilment.invoice_id,
        kind=kind,
        customer_id=order.customer_id,
        order_id=order.id,
        fulfilment_id=fulfilment.id,
        currency_code=order.currency_code,
        lines=[_moved_line(move) for move in moved],
        net=sum((move.net for move in moved), ZERO),
        tax=sum((move.tax for move in moved), ZERO),
        invoice_date=day,
        due_date=due_on(day, order.payment_terms_days) if kind is InvoiceKind.INVOICE else day,
        display_name="",
        owner_id=order.owner_id,
        branch_id=order.branch_id,
        branch_path=order.branch_path,
        team_id=order.team_id,
    )


def _moved_line(move: Moved) -> dict[str, Any]:
    return {
        "order_line_id": str(move.line.id),
        "product_id": str(move.line.product_id or ""),
        "display_name": move.line.display_name,
        "quantity": str(move.quantity),
        "net": str(move.net),
        "tax": str(move.tax),
    }


async def _use_credit(note: Invoice, invoices: Sequence[Invoice], work: UnitOfWork) -> None:
    """Put a credit note against invoices that are locked; what is left stays the customer's credit."""
    open_invoices = {str(invoice.id): invoice for invoice in invoices if invoice.state in UNSETTLED}
    if note.state not in UNSETTLED:
        return
    parts = oldest_first(note.open_amount, [invoice.open_item for invoice in open_invoices.values()])
    await settle_parts(parts, open_invoices, AllocationSource.CREDIT_NOTE, note.id, work)
    used = sum((part.amount for part in parts), ZERO)
    if used:
        note.settle(used, work.clock.now())


async def settle_parts(
    parts: Sequence[Part],
    invoices: dict[str, Invoice],
    source: AllocationSource,
    source_id: uuid.UUID,
    work: UnitOfWork,
) -> None:
    session, now = await work.session(), work.clock.now()
    for part in parts:
        invoice = invoices[part.invoice_id]
        invoice.settle(part.amount, now)
        session.add(
            Allocation(
                id=new_id(),
                source=source,
                source_id=source_id,
                invoice_id=invoice.id,
                amount=part.amount,
                create_time=now,
            )
        )


async def open_invoices(
    customer_id: uuid.UUID, currency: str, work: UnitOfWork, only: Sequence[uuid.UUID] = ()
) -> dict[str, Invoice]:
    """Unpaid invoices of a customer that the caller sees, locked in the order of their ids."""
    statement = select(Invoice).where(
        Invoice.customer_id == customer_id,
        Invoice.currency_code == currency,
        Invoice.kind == InvoiceKind.INVOICE,
        Invoice.state.in_(UNSETTLED),
        visible(Invoice),
    )
    if only:
        statement = statement.where(Invoice.id.in_(only))
    found: list[Invoice] = await work.scalars(statement.order_by(Invoice.id).with_for_update())
    return {str(invoice.id): invoice for invoice in found}


def open_items(invoices: dict[str, Invoice]) -> list[OpenItem]:
    return [invoice.open_item for invoice in invoices.values()]


async def void_invoice(invoice_id: uuid.UUID, etag: str, reason: str, work: UnitOfWork) -> Invoice:
    invoice = await load_invoice(invoice_id, work, etag)
    owed = invoice.total if invoice.kind == InvoiceKind.INVOICE else -invoice.total
    invoice.void(reason, work.clock.now())
    await enter_invoice(invoice, EntryKind.VOID, -owed, work)
    return invoice


async def apply_credit_note(invoice_id: uuid.UUID, etag: str, work: UnitOfWork) -> Invoice:
    note = await load_invoice(invoice_id, work, etag)
    note.require_credit_note()
    invoices = await open_invoices(note.customer_id, note.currency_code, work)
    await _use_credit(note, list(invoices.values()), work)
    return note
