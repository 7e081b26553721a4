"""Allocation, ageing and dates of receivables, without I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class InvoiceState(StrEnum):
    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"


class InvoiceKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class EntryKind(StrEnum):
    """What a ledger entry is; entries are only ever added."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"
    REVERSAL = "reversal"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice of which something is still to be paid."""

    invoice_id: str
    due_date: date
    open_amount: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """An amount put against an invoice. `currency` empty: that of the money."""

    invoice_id: str
    amount: Decimal
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Ageing:
    """Open amounts by how late they are."""

    current: Decimal = ZERO
    days_1_to_30: Decimal = ZERO
    days_31_to_60: Decimal = ZERO
    days_61_to_90: Decimal = ZERO
    days_over_90: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        late = self.days_1_to_30 + self.days_31_to_60 + self.days_61_to_90 + self.days_over_90
        return self.current + late


def state_of(total: Decimal, open_amount: Decimal) -> InvoiceState:
    """State of an invoice that is not void. One over nothing is paid from the start."""
    if open_amount == 0:
        return InvoiceState.PAID
    return InvoiceState.OPEN if open_amount == total else InvoiceState.PARTLY_PAID


def due_on(invoice_date: date, terms_days: int) -> date:
    return invoice_date + timedelta(days=terms_days)


def oldest_first(amount: Decimal, items: Iterable[OpenItem]) -> list[Part]:
    """Puts an amount against invoices, the earliest due date first."""
    parts: list[Part] = []
    for item in sorted(items, key=lambda it: (it.due_date, it.invoice_id)):
        part = min(amount, item.open_amount)
        if part > 0:
            parts.append(Part(item.invoice_id, part))
            amount -= part
    return parts


def over_allocated(
    available: Decimal, parts: Sequence[Part], items: Iterable[OpenItem]
) -> dict[str, Decimal]:
    """What may be allocated where too much was asked: invoice id -> open amount, and `""` -> available."""
    open_amounts = {item.invoice_id: item.open_amount for item in items}
    wanted: dict[str, Decimal] = {}
    for part in parts:
        wanted[part.invoice_id] = wanted.get(part.invoice_id, ZERO) + part.amount
    excess = {
        invoice_id: open_amounts.get(invoice_id, ZERO)
        for invoice_id, amount in wanted.items()
        if amount > open_amounts.get(invoice_id, ZERO)
    }
    if sum(wanted.values(), ZERO) > available:
        excess[""] = available
    return excess


def bucket(due_date: date, as_of: date) -> str:
    """Name of the ageing bucket."""
    late = (as_of - due_date).days
    if late <= 0:
        return "current"
    for limit, name in ((30, "days_1_to_30"), (60, "days_31_to_60"), (90, "days_61_to_90")):
        if late <= limit:
            return name
    return "days_over_90"


def ageing(items: Iterable[OpenItem], as_of: date) -> Ageing:
    sums: dict[str, Decimal] = {}
    for item in items:
        name = bucket(item.due_date, as_of)
        sums[name] = sums.get(name, ZERO) + item.open_amount
    return Ageing(**sums)


def within_limit(limit: Decimal, used: Decimal, more: Decimal) -> bool:
    return used + more <= limit
