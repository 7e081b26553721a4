"""The account of a customer: entries are only added, numbers come without gaps."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from taproot_base.ids import new_id
from taproot_sales.invoices.model import DocumentNumber, Invoice, LedgerEntry
from taproot_sales.invoices.rules import EntryKind, InvoiceKind
from taproot_sales.payments.model import Payment
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

PREFIXES = {InvoiceKind.INVOICE: "INV", InvoiceKind.CREDIT_NOTE: "CN"}
ZERO = Decimal(0)

_next_number = Statement(
    lambda: (
        insert(DocumentNumber)
        .values(series=bindparam("series"), last=1)
        .on_conflict_do_update(index_elements=["series"], set_={"last": DocumentNumber.last + 1})
        .returning(DocumentNumber.last)
    )
)
_balance = Statement(
    lambda: select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(
        LedgerEntry.customer_id == func.any(bindparam("customers")),
        LedgerEntry.currency_code == bindparam("currency"),
    )
)


async def next_number(kind: InvoiceKind, work: UnitOfWork) -> str:
    """Take it last in the transaction: writers of the series wait for each other from here on."""
    last = await work.fetch_value(_next_number, series=kind.value)
    return f"{PREFIXES[kind]}-{last:06d}"


async def balance(customers: Iterable[uuid.UUID], currency: str, reader: Reader) -> Decimal:
    """What the members of a customer owe together."""
    return Decimal(await reader.fetch_value(_balance, customers=list(customers), currency=currency))


async def enter_invoice(invoice: Invoice, kind: EntryKind, amount: Decimal, work: UnitOfWork) -> None:
    """Amounts above 0 raise what the customer owes."""
    now = work.clock.now()
    voided = kind is EntryKind.VOID
    (await work.session()).add(
        LedgerEntry(
            id=new_id(),
            customer_id=invoice.customer_id,
            currency_code=invoice.currency_code,
            kind=kind,
            entry_date=now.date() if voided else invoice.invoice_date,
            document_id=invoice.id,
            document_number=invoice.number,
            order_id=invoice.order_id,
            description=invoice.void_reason if voided else invoice.display_name,
            amount=amount,
            create_time=now,
        )
    )


async def enter_payment(payment: Payment, kind: EntryKind, work: UnitOfWork) -> None:
    now = work.clock.now()
    received = kind is EntryKind.PAYMENT
    (await work.session()).add(
        LedgerEntry(
            id=new_id(),
            customer_id=payment.customer_id,
            currency_code=payment.currency_code,
            kind=kind,
            entry_date=payment.payment_date if received else now.date(),
            document_id=payment.id,
            document_number=payment.number,
            order_id=None,
            description=payment.reference if received else payment.reverse_reason,
            amount=-payment.amount if received else payment.amount,
            create_time=now,
        )
    )
